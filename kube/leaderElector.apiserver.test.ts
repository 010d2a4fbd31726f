import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { sharedApiServer } from "../test/cluster/mod.ts";

const server = sharedApiServer();
const LEASE_MS = 9_000;

class Candidate {
  readonly identity: string;
  readonly lines: string[] = [];
  /** When it held itself for the leader, in ms of the machine's clock. */
  readonly beats: number[] = [];
  readonly process: ChildProcess;

  constructor(namespace: string, identity: string, folder: string) {
    this.identity = identity;
    const { hostname, port } = new URL(server.url);
    this.process = spawn(process.execPath, [join(import.meta.dirname, "candidate.fixture.ts"), namespace, identity, folder], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    });
    createInterface({ input: this.process.stdout! }).on("line", (line) => {
      if (line.startsWith("leads ")) this.beats.push(Number(line.slice(6)));
      else this.lines.push(line);
    });
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number> {
    const atMs = performance.timeOrigin + performance.now();
    const ended = once(this.process, "close");
    this.process.kill(signal);
    await ended;
    return atMs;
  }
}

const candidates: Candidate[] = [];
const folder = mkdtempSync(join(tmpdir(), "kube-election-"));
afterEach(() => {
  for (const candidate of candidates) if (candidate.process.exitCode === null && candidate.process.signalCode === null) candidate.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("candidates for one lease", () => {
  it("there is one leader at any time, and another soon after it is killed, frozen or closed", { timeout: 240_000 }, async () => {
    const namespace = await server.createNamespace("election");
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    // What an election needs, and no more.
    await server.expect("POST", `${path}/roles`, { body: { metadata: { name: "elect" }, rules: [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] }] } });
    const subjects = [{ kind: "ServiceAccount", name: "default", namespace }];
    await server.expect("POST", `${path}/rolebindings`, { body: { metadata: { name: "elect" }, subjects, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "elect" } } });
    writeFileSync(join(folder, "token"), await server.createToken({ namespace, name: "default" }));
    writeFileSync(join(folder, "ca.crt"), server.caPem);
    for (const identity of ["a", "b", "c", "d"]) candidates.push(new Candidate(namespace, identity, folder));

    const nextLeader = async (before: readonly Candidate[]): Promise<Candidate> => {
      const isNew = (candidate: Candidate): boolean => candidate.lines.includes("leading") && !before.includes(candidate);
      await expect.poll(() => candidates.filter(isNew).length, { timeout: 60_000, interval: 10 }).toBe(1);
      const leader = candidates.find(isNew)!;
      await expect.poll(() => leader.beats.length, { timeout: 60_000, interval: 10 }).toBeGreaterThan(10);
      return leader;
    };
    const takeoverMs: Record<string, number> = {};

    const first = await nextLeader([]);
    const lease = await server.expect("GET", `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`);
    expect(lease.spec).toMatchObject({ holderIdentity: first.identity, leaseDurationSeconds: LEASE_MS / 1_000, leaseTransitions: 0 });
    expect(lease.spec.renewTime).toMatch(/\.\d{6}Z$/);
    expect(lease.metadata.annotations).toEqual({ "flowreset.io/address": `https://${first.identity}` });

    const killedMs = await first.end("SIGKILL");
    const second = await nextLeader([first]);
    takeoverMs["killed"] = second.beats[0]! - killedMs;

    second.process.kill("SIGSTOP");
    const frozenMs = performance.timeOrigin + performance.now();
    const third = await nextLeader([first, second]);
    takeoverMs["frozen"] = third.beats[0]! - frozenMs;
    second.process.kill("SIGCONT");
    await once(second.process, "close");
    expect(second.process.exitCode).toBe(3);
    expect(second.lines).toEqual(["leading", "lost"]);

    const closedMs = await third.end("SIGTERM");
    expect(third.process.exitCode).toBe(0);
    const fourth = await nextLeader([first, second, third]);
    takeoverMs["closed"] = fourth.beats[0]! - closedMs;

    const beats = candidates.flatMap(({ identity, beats: times }) => times.map((atMs) => ({ identity, atMs }))).sort((a, b) => a.atMs - b.atMs);
    const reigns = beats.filter(({ identity }, index) => beats[index - 1]?.identity !== identity).map(({ identity }) => identity);
    expect(reigns).toEqual([first, second, third, fourth].map(({ identity }) => identity));
    expect((await server.expect("GET", `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`)).spec.leaseTransitions).toBe(3);
    console.log(`takeover with a lease of ${LEASE_MS} ms: ${Object.entries(takeoverMs).map(([how, ms]) => `${how} ${Math.round(ms)} ms`).join(", ")}`);
  });
});
