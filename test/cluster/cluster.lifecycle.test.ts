import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { execPath } from "node:process";
import { beforeEach, expect, it } from "vitest";
import { until } from "../lab/mod.ts";
import { Cluster, clusterFolder } from "./cluster.ts";

/** What there is on this machine that a cluster could leave behind. */
function traces(): Record<string, string[]> {
  const lines = (text: string) => text.split("\n").filter((line) => line !== "").sort();
  return {
    interfaces: lines(execFileSync("ip", ["-brief", "link"], { encoding: "utf8" })).map((line) => line.split(/[\s@]/)[0]!),
    namespaces: lines(execFileSync("ip", ["netns", "list"], { encoding: "utf8" })),
    mounts: lines(readFileSync("/proc/self/mounts", "utf8")),
    rules: lines(execFileSync("nft", ["list", "tables"], { encoding: "utf8" })),
    routes: lines(execFileSync("ip", ["route"], { encoding: "utf8" })),
    cgroups: lines(execFileSync("find", ["/sys/fs/cgroup", "-name", "*flowreset-cluster*"], { encoding: "utf8" })),
    processes: processes(),
    folders: [clusterFolder(), "/etc/cni/net.d", "/var/lib/kubelet", "/run/containerd"].filter((folder) => existsSync(folder)),
  };
}

/** Those of a cluster: Kubernetes in process namespaces of its own, and whatever was told the cluster's folder. */
function processes(): string[] {
  const own = readlinkSync("/proc/self/ns/pid");
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const command = words.join(" ");
      const isKubernetes = /^(etcd|kube.*|containerd.*|pause|workload)$/.test(basename(words[0]!)) && readlinkSync(`/proc/${pid}/ns/pid`) !== own;
      return isKubernetes || command.includes(clusterFolder()) ? [command] : [];
    } catch {
      return []; // Ended meanwhile.
    }
  });
}

function main(...args: string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(execPath, [`${import.meta.dirname}/main.ts`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", (more: string) => (text += more));
  return { child, said: () => text };
}

async function finish({ child, said }: ReturnType<typeof main>): Promise<string> {
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`ended ${code}: ${said()}`);
  return said();
}

beforeEach(() => {
  if (Cluster.running() !== undefined) throw new Error("Run make cluster-down before these tests: they make and remove the cluster");
});

it("comes up, is found again, and is gone without a trace, also when it is taken down twice", async () => {
  const before = traces();
  const kubeconfig = (await finish(main("up", "ptp"))).match(/KUBECONFIG=(.*)/)![1];
  expect(await finish(main("up", "ptp"))).toMatch(new RegExp(`^export KUBECONFIG=${kubeconfig}\n`));
  await expect(finish(main("up", "vxlan"))).rejects.toThrow("Run make cluster-down first to change the pod network to vxlan: current value is ptp");
  await finish(main("down", "the maker of another"));
  expect(Cluster.running()).toBeDefined();
  await finish(main("down"));
  expect(traces()).toEqual(before);
  await finish(main("down"));
  expect(traces()).toEqual(before);
});

it("is made once where two ask for it at once", async () => {
  const before = traces();
  const [left, right] = await Promise.all([finish(main("up")), finish(main("up"))]);
  expect([left, right].filter((said) => said.includes("the nodes: done"))).toHaveLength(1);
  expect([left, right].filter((said) => said.includes("export KUBECONFIG="))).toHaveLength(2);
  await finish(main("down"));
  expect(traces()).toEqual(before);
});

it.for(["the machines: done", "the control plane: done", "the nodes: done"])("leaves nothing that is not taken down when it was killed after %s", async (moment) => {
  const before = traces();
  const maker = main("up");
  await until(moment, () => maker.said().includes(moment), 120_000);
  maker.child.kill("SIGKILL");
  await once(maker.child, "close");
  expect(traces()).not.toEqual(before);
  await finish(main("down"));
  expect(traces()).toEqual(before);
});

it("is taken down by its keeper when the run of tests that made it is killed", async () => {
  const before = traces();
  const program = `const { setup } = await import("${import.meta.dirname}/sharedCluster.setup.ts"); await setup(); setInterval(() => {}, 1000);`;
  const run = spawn(execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  run.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await until("the control plane", () => said.includes("the control plane: done"), 120_000);
  run.kill("SIGKILL");
  await until("everything to be gone", () => JSON.stringify(traces()) === JSON.stringify(before), 60_000, 250);
});

it("does not start again what is there already, and says what to do with what is not", async () => {
  await expect(finish(main("sideways"))).rejects.toThrow(/ended 2: usage/);
  await expect(finish(main("up", "token-ring"))).rejects.toThrow("Set CLUSTER to one of bridge, ptp, vxlan: current value is token-ring");
});
