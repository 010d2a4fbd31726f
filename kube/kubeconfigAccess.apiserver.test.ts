/** Outside a cluster: every way in which a kubeconfig says who we are and how the server is reached, tried. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, type Socket, connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { sharedApiServer } from "../test/cluster/mod.ts";
import { FaultProxy } from "./faultProxy.fixture.ts";
import { type KubeClient, RESOURCES, Reflector, connect } from "./mod.ts";
import { ManualClock } from "./testClock.fixture.ts";

const server = sharedApiServer();
const namespace = await server.createNamespace("kubeconfig");
const folder = mkdtempSync(join(tmpdir(), "kube-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const ca = { "certificate-authority-data": base64(server.caPem) };
const token = await server.createToken({ namespace, name: "default" });
const account = `system:serviceaccount:${namespace}:default`;
const certificate = { "client-certificate-data": base64(server.admin.certPem), "client-key-data": base64(server.admin.keyPem) };

function kubeconfig(cluster: object, user: object): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  const config = { apiVersion: "v1", kind: "Config", "current-context": "it", contexts: [{ name: "it", context: { cluster: "c", user: "u" } }, { name: "nobody", context: { cluster: "c", user: "n" } }], clusters: [{ name: "c", cluster: { server: server.url, ...cluster } }], users: [{ name: "u", user }, { name: "n", user: {} }] };
  writeFileSync(path, stringify(config));
  return path;
}

const clients: KubeClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

async function whoami(options: Parameters<typeof connect>[0]): Promise<string> {
  const client = await connect(options);
  clients.push(client);
  return ask(client);
}

async function ask(client: KubeClient): Promise<string> {
  const review = { group: "authentication.k8s.io", version: "v1", plural: "selfsubjectreviews", kind: "SelfSubjectReview", namespaced: false };
  return (await client.review<{ status: { userInfo: { username: string } } }>(review, {})).status.userInfo.username;
}

describe("a kubeconfig says who we are", () => {
  it("by a client certificate", async () => {
    expect(await whoami({ kubeconfig: kubeconfig(ca, certificate) })).not.toMatch(/anonymous|serviceaccount/);
  });

  it("by a token", async () => {
    expect(await whoami({ kubeconfig: kubeconfig(ca, { token }) })).toBe(account);
  });

  it("by an exec plugin, which is asked again when what it gave has expired", async () => {
    const plugin = join(folder, "plugin.sh");
    const answer = join(folder, "credential.json");
    const credential = (text: string, expiresInMs: number): void =>
      writeFileSync(answer, JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token: text, expirationTimestamp: new Date(Date.now() + expiresInMs).toISOString() } }));
    writeFileSync(plugin, `#!/bin/sh\ncat ${answer}\n`);
    chmodSync(plugin, 0o755);
    credential(token, -1);
    const clock = new ManualClock();
    const path = kubeconfig(ca, { exec: { apiVersion: "client.authentication.k8s.io/v1", command: plugin, interactiveMode: "Never" } });
    expect(await whoami({ kubeconfig: path, clock })).toBe(account);
    await server.createServiceAccount(namespace, "renewed");
    credential(await server.createToken({ namespace, name: "renewed" }), 3_600_000);
    await clock.advance(10_000);
    expect(await ask(clients[0]!)).toBe(`system:serviceaccount:${namespace}:renewed`);
  });

  it("in the context that is asked for", async () => {
    await expect(whoami({ kubeconfig: kubeconfig(ca, { token }), context: "nobody" })).rejects.toMatchObject({ status: expect.toSatisfy((status: number) => status === 401 || status === 403) });
    await expect(connect({ kubeconfig: kubeconfig(ca, {}), context: "unknown" })).rejects.toThrow("Cannot use the kubeconfig, expected a context with a cluster, one of it, nobody: current value is unknown");
  });

  it("or cannot be read, and then says which file and why", async () => {
    await expect(connect({ kubeconfig: join(folder, "none") })).rejects.toThrow(/^Cannot read the kubeconfig, expected a file that kubectl takes: current value is .*none, ENOENT/);
    writeFileSync(join(folder, "broken"), "a: [");
    await expect(connect({ kubeconfig: join(folder, "broken") })).rejects.toThrow(/^Cannot read the kubeconfig, .*broken/);
  });
});

describe("a kubeconfig says how the server is reached", () => {
  it("trusting the CA that it names and no other, unless it is told not to look", async () => {
    await expect(whoami({ kubeconfig: kubeconfig({}, { token }) })).rejects.toMatchObject({ reason: "Unreachable", message: expect.stringMatching(/certificate/) });
    expect(await whoami({ kubeconfig: kubeconfig({ "insecure-skip-tls-verify": true }, { token }) })).toBe(account);
  });

  it("by another name than the one in the certificate: tls-server-name", async () => {
    expect(await whoami({ kubeconfig: kubeconfig({ ...ca, "tls-server-name": "kubernetes.default.svc" }, { token }) })).toBe(account);
    await expect(whoami({ kubeconfig: kubeconfig({ ...ca, "tls-server-name": "example.org" }, { token }) })).rejects.toMatchObject({ message: expect.stringMatching(/ERR_TLS_CERT_ALTNAME_INVALID/) });
  });

  it("behind a path", async () => {
    const front = createServer((incoming: IncomingMessage, answer) => {
      expect(incoming.url).toMatch(/^\/k8s\/clusters\/c1\/apis/);
      const onward = httpRequest(`${proxy.origin}${incoming.url!.replace("/k8s/clusters/c1", "")}`, { method: incoming.method!, headers: incoming.headers }, (back) => {
        answer.writeHead(back.statusCode!, back.headers);
        back.pipe(answer);
      });
      incoming.pipe(onward);
    });
    const proxy = await FaultProxy.start({ server });
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    expect(await whoami({ kubeconfig: kubeconfig({ server: `${origin}/k8s/clusters/c1/`, "insecure-skip-tls-verify": true }, {}) })).not.toContain("serviceaccount");
    await clients.pop()!.close();
    front.closeAllConnections();
    front.close();
    await proxy.close();
  });

  it.each(["proxy-url", "HTTPS_PROXY"] as const)("through a proxy, watches too: %s", async (way) => {
    const tunnels: string[] = [];
    const sockets = new Set<Socket>();
    const proxy = createServer();
    proxy.on("connect", (incoming, socket: Socket) => {
      tunnels.push(incoming.url ?? "");
      const { hostname, port } = new URL(`http://${incoming.url}`);
      const onward = connectSocket(Number(port), hostname, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      for (const one of [socket, onward]) sockets.add(one.on("error", () => {}));
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      if (way === "HTTPS_PROXY") process.env["HTTPS_PROXY"] = url;
      const path = kubeconfig(way === "proxy-url" ? { ...ca, "proxy-url": url } : ca, certificate);
      expect(await whoami({ kubeconfig: path })).not.toContain("anonymous");
      const reflector = new Reflector({ client: clients[0]!, resource: RESOURCES.serviceAccounts, namespace, onChange: () => {} });
      reflector.start();
      await expect.poll(() => reflector.state.connected, { timeout: 60_000 }).toBe(true);
      await reflector.close();
      expect(new Set(tunnels)).toEqual(new Set([new URL(server.url).host]));
      expect(tunnels.length).toBe(2); // One for requests, one for the watch.
    } finally {
      delete process.env["HTTPS_PROXY"];
      for (const socket of sockets) socket.destroy();
      proxy.close();
    }
  });
});
