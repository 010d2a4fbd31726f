import { readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../lab/mod.ts";
import { buildImage, buildProgram, FAMILIES, OUTSIDE, sharedCluster, WORKLOAD_IMAGE } from "./mod.ts";
import type { Family } from "./mod.ts";

const cluster = sharedCluster();
const [one, two] = cluster.nodes as [(typeof cluster.nodes)[0], (typeof cluster.nodes)[0]];
const SERVER_PORT = 8080;
const HOST_PORT = 9090;
let namespace: string;
let serviceAddresses: Record<Family, string>;
let nodePort: number;

/** Runs a command in a pod's container, as people do. */
const exec = (pod: string, ...command: string[]) => cluster.api.kubectl(["exec", `--namespace=${namespace}`, pod, "--", ...command]);

function pod(name: string, args: string[], spec: object): object {
  const containers = [{ name, image: WORKLOAD_IMAGE, args }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels: { app: name.split("-")[0] } }, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } };
}

beforeAll(async () => {
  namespace = await cluster.api.createNamespace("smoke");
  await cluster.api.apply([
    ...[one, two].flatMap(({ name }, index) => [
      pod(`server-${index + 1}`, ["serve", `${SERVER_PORT}`], { nodeName: name }),
      pod(`client-${index + 1}`, ["sleep"], { nodeName: name }),
    ]),
    pod("host", ["serve", `${HOST_PORT}`], { nodeName: one.name, hostNetwork: true }),
    { apiVersion: "v1", kind: "Service", metadata: { name: "server", namespace }, spec: { type: "NodePort", ipFamilyPolicy: "RequireDualStack", selector: { app: "server" }, ports: [{ port: 80, targetPort: SERVER_PORT }] } },
  ]);
  await cluster.api.kubectl(["wait", `--namespace=${namespace}`, "--for=condition=Ready", "pod", "--all", "--timeout=60s"]);
  const { spec } = await cluster.api.expect("GET", `/api/v1/namespaces/${namespace}/services/server`);
  const [IPv4, IPv6] = spec.clusterIPs;
  serviceAddresses = { IPv4, IPv6 };
  nodePort = spec.ports[0].nodePort;
});

afterAll(async () => {
  await cluster.api.expect("DELETE", `/api/v1/namespaces/${namespace}`);
  await cluster.outside.stop("server");
  await cluster.api.close();
});

/** Each family, from or by each node. */
const WAYS = FAMILIES.flatMap((family) => [1, 2].map((number) => [family, number] as const));
const inUrl = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Asks until servers of both nodes have answered. @returns whose address they saw. */
async function untilBothAnswered(ask: () => Promise<string>): Promise<string[]> {
  const seen = new Map<string, string>();
  await until("servers of both nodes to answer", async () => {
    const [, client, server] = (await ask()).match(/^(\S+):\d+ asked (\S+):\d+$/m)!;
    seen.set(server!, client!);
    return seen.size === 2;
  }, 30_000);
  return [...seen.values()];
}

describe("the cluster", () => {
  it("has two nodes that are ready, each with pod addresses of its own", async () => {
    const { items } = await cluster.api.expect("GET", "/api/v1/nodes");
    expect(items.map((node: any) => node.metadata.name)).toEqual(["node-1", "node-2"]);
    expect(new Set(items.flatMap((node: any) => node.spec.podCIDRs)).size).toBe(4);
    expect(items.map((node: any) => node.status.addresses.filter(({ type }: any) => type === "InternalIP").map(({ address }: any) => address))).toEqual(
      cluster.nodes.map(({ addresses }) => [addresses.IPv4, addresses.IPv6]),
    );
  });

  it.for(WAYS)("%s: lets a pod on node %i reach the service's pods on both nodes", async ([family, number]) => {
    await untilBothAnswered(() => exec(`client-${number}`, "/workload", "get", serviceAddresses[family], "80"));
  });

  it(`carries it as ${cluster.podNetwork} does`, async () => {
    const links = JSON.parse((await one.run(["ip", "-json", "-statistics", "link"])).stdout) as { ifname: string; stats64: { tx: { packets: number } } }[];
    const names = links.map(({ ifname }) => ifname);
    expect(names.includes("cni0")).toBe(cluster.podNetwork !== "ptp");
    expect((links.find(({ ifname }) => ifname === "vxlan0")?.stats64.tx.packets ?? 0) > 0).toBe(cluster.podNetwork === "vxlan");
    expect(names.filter((name) => name.startsWith("veth")).length).toBeGreaterThan(0);
  });

  it.for(WAYS)("%s: lets the world reach the service by node %i's port, on both nodes' pods", async ([family, number]) => {
    const address = inUrl(cluster.nodes[number - 1]!.addresses[family]);
    await untilBothAnswered(async () => (await cluster.outside.run(["curl", "--silent", `http://${address}:${nodePort}/`])).stdout);
  });

  it("has no way from the world to a pod's own addresses", async () => {
    const { status } = await cluster.api.expect("GET", `/api/v1/namespaces/${namespace}/pods/server-1`);
    for (const { ip } of status.podIPs as { ip: string }[]) {
      const { code } = await cluster.outside.run(["curl", "--silent", "--max-time", "1", `http://${inUrl(ip)}:${SERVER_PORT}/`], { check: false });
      expect([ip, code]).toEqual([ip, 28]);
    }
  });

  it.for(WAYS)("%s: masquerades what a pod on node %i sends to the world as the node's", async ([family, number]) => {
    await cluster.outside.start("server", [buildProgram("workload"), "serve", "80"]);
    const answer = await until("the server outside to answer", async () => exec(`client-${number}`, "/workload", "get", OUTSIDE[family], "80").catch(() => undefined));
    expect(answer.startsWith(`${inUrl(cluster.nodes[number - 1]!.addresses[family])}:`)).toBe(true);
  });

  it("gives a host-network pod the node's own network, and no other pod", async () => {
    const netOf = async (pid: number | string) => (await one.run(["readlink", `/proc/${pid}/ns/net`])).stdout.trim();
    const own = await netOf(1);
    expect(await netOf((await cluster.podProcess(namespace, "host")).pid)).toBe(own);
    expect(await netOf((await cluster.podProcess(namespace, "server-1")).pid)).not.toBe(own);
    expect(readlinkSync("/proc/self/ns/net")).not.toBe(own);
    expect((await cluster.outside.run(["curl", "--silent", `http://${one.address}:${HOST_PORT}/`])).stdout).toContain(`asked ${one.address}:${HOST_PORT}`);
  });

  it("lets a pod reach the API server by its service, with the token that the kubelet gave it", async () => {
    const process = await cluster.podProcess(namespace, "client-1");
    const token = await cluster.api.createToken({ namespace, name: "default" });
    const { stdout } = await process.run(["curl", "--silent", "--insecure", "--header", `Authorization: Bearer ${token}`, "https://10.96.0.1/version"]);
    expect(JSON.parse(stdout).gitVersion).toBe("v1.35.4");
  });

  it("starts a pod with one capability, a read-only root and the runtime's seccomp filter, and no more than those", async () => {
    const securityContext = { capabilities: { drop: ["ALL"], add: ["NET_RAW"] }, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, seccompProfile: { type: "RuntimeDefault" } };
    const containers = [{ name: "confined", image: WORKLOAD_IMAGE, args: ["sleep"], securityContext, resources: { limits: { memory: "32Mi", cpu: "100m" } } }];
    await cluster.api.apply([pod("confined", [], { nodeName: one.name, hostNetwork: true, containers })]);
    await cluster.api.kubectl(["wait", `--namespace=${namespace}`, "--for=condition=Ready", "pod/confined", "--timeout=60s"]);
    const { pid } = await cluster.podProcess(namespace, "confined");
    const status = await one.shell('cat "/proc/$1/status"', String(pid));
    expect(status).toMatch(/^CapEff:\t0000000000002000$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(await one.shell('grep " / / " "/proc/$1/mountinfo"', String(pid))).toMatch(/ \/ \/ ro,/);
  });

  it("keeps no file of one node on another", async () => {
    await one.write("/var/lib/smoke/state", "of node 1");
    expect((await two.run(["cat", "/var/lib/smoke/state"], { check: false })).code).not.toBe(0);
  });

  it("takes an image in under the name that it is given, and by its digest", async () => {
    const digest = await cluster.importImage(buildImage("workload"), "flowreset.test/renamed:2");
    const images = { named: "flowreset.test/renamed:2", digested: `flowreset.test/renamed@${digest}` };
    const pods = Object.entries(images).map(([name, image]) => pod(name, [], { nodeName: two.name, containers: [{ name, image, imagePullPolicy: "Never", args: ["sleep"] }] }));
    await cluster.api.apply(pods);
    await cluster.api.kubectl(["wait", `--namespace=${namespace}`, "--for=condition=Ready", "pod/named", "pod/digested", "--timeout=60s"]);
  });
});

describe("a connection through the service", () => {
  /** Starts a pod that holds one, and ends when the connection does. @returns its own address and port. */
  async function startConnection(name: string): Promise<string> {
    await cluster.api.apply([pod(name, ["connect", serviceAddresses.IPv4, "80", "50"], { nodeName: one.name, restartPolicy: "Never" })]);
    const [, local] = await until("the connection to stand", async () => (await logs(name)).match(/^open (\S+) /m), 30_000);
    return local!;
  }
  const logs = (name: string) => cluster.api.kubectl(["logs", `--namespace=${namespace}`, name]).catch(() => "");

  it("shows its socket at both ends, and says how it died when the server's process is killed", async () => {
    const local = await startConnection("victim");
    const client = await cluster.podProcess(namespace, "victim");
    expect((await client.run(["ss", "-tnH", "state", "established"])).stdout).toContain(local);
    const servers = await Promise.all(["server-1", "server-2"].map((name) => cluster.podProcess(namespace, name)));
    const sockets = await Promise.all(servers.map((server) => server.run(["ss", "-tnH", "state", "established"])));
    const at = sockets.findIndex(({ stdout }) => stdout.includes(local));
    expect(at).toBeGreaterThanOrEqual(0);
    await servers[at]!.kill();
    await until("the client to end", async () => /^end \S+ \S+ (EOF|ECONNRESET) \d+ \d+\.\d{3}$/m.test(await logs("victim")), 30_000);
    await cluster.api.kubectl(["wait", `--namespace=${namespace}`, "--for=condition=Ready", "pod", "--selector=app=server", "--timeout=60s"]);
  });

  it("is made anew by a storm each time it dies, with the text that it is given", async () => {
    const connections = 5;
    await cluster.outside.start("server", [buildProgram("workload"), "serve", "80"]);
    await one.start("storm", [buildProgram("workload"), "storm", OUTSIDE.IPv4, "80", `${connections}`, "hello"]);
    const count = (pattern: RegExp) => one.output("storm").match(pattern)?.length ?? 0;
    await until("all to stand", () => count(/^open /gm) === connections);
    await cluster.outside.stop("server", "SIGKILL");
    await until("all to have ended and been refused", () => count(/^end \S+ \S+ \S+ [1-9]\d* /gm) === connections && count(/^refused \S+ ECONNREFUSED /gm) >= connections);
    const receivedBytes = [...one.output("storm").matchAll(/^end \S+ \S+ \S+ (\d+) /gm)].map(([, bytes]) => Number(bytes));
    expect(receivedBytes.filter((bytes) => bytes % "hello".length !== 0)).toEqual([]);
    await cluster.outside.start("server", [buildProgram("workload"), "serve", "80"]);
    await until("all to stand again", () => count(/^open /gm) === 2 * connections);
    await one.stop("storm");
    await until("none to be left", async () => (await one.run(["ss", "-tnH", "state", "established", `dst ${OUTSIDE.IPv4}`])).stdout === "");
  });

  it("lives on while the API server, etcd and its node's kubelet are down, and all come back", async () => {
    const local = await startConnection("survivor");
    await cluster.stopApiServer();
    await cluster.stopEtcd();
    await one.stopKubelet();
    await expect(cluster.api.request("GET", "/readyz")).rejects.toThrow();
    expect((await one.run(["ctr", "--namespace=k8s.io", "tasks", "list"])).stdout).toContain("RUNNING");
    await cluster.startEtcd();
    await cluster.startApiServer();
    await cluster.startControllers();
    await one.startKubelet();
    await cluster.api.kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]);
    const client = await cluster.podProcess(namespace, "survivor");
    expect((await client.run(["ss", "-tnH", "state", "established"])).stdout).toContain(local);
    expect(await logs("survivor")).not.toContain("end ");
  });
});
