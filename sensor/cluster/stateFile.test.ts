import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ActedResets } from "./actedResets.ts";
import { HeldEndsFile } from "./heldEnds.ts";
import { MAX_ACTED } from "./limits.ts";
import { StateFile } from "./stateFile.ts";
import type { ClusterState } from "./stateFile.ts";

const root = mkdtempSync(join(tmpdir(), "flowreset-state-"));
let folders = 0;
const folder = (): string => join(root, String(++folders));
afterAll(() => rmSync(root, { recursive: true }));

const STATE: Omit<ClusterState, "version"> = {
  node: "n1", fleet: "default", machine: "boot net:[1]", contactMs: 5,
  objects: [{ apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name: "a", namespace: "shop", uid: "u", generation: 1 }, spec: { mode: "Enforce" } }],
  namespaces: { shop: { team: "web" } }, nodeLabels: {}, nodeUid: "n", nodeAddresses: ["192.0.2.1"], isObserveOnly: false, stream: { url: "https://192.0.2.2" },
  neighbours: { apiServers: [{ addresses: ["192.0.2.9"], ports: [6443] }], nameServers: ["10.96.0.10"], services: { apiService: { addresses: ["10.96.0.1"], ports: [443] }, nameServices: ["10.96.0.10"], healthCheckPorts: [30_900] } },
  pods: [{ uid: "p", namespace: "shop", name: "web", labels: { app: "web" }, serviceAccount: "default", addresses: ["10.0.0.7"], networkReadyMs: 9, probePorts: [8080] }],
  bindings: [{ uid: "p", address: "10.0.0.7", incarnation: "5 veth 0a" }],
};

describe("the state on disk", () => {
  it("is read as it was written, also over an older one, and leaves nothing beside it", async () => {
    const directory = folder();
    const file = new StateFile(directory);
    await file.write({ ...STATE, contactMs: 1 });
    await file.write(STATE);
    expect(await new StateFile(directory).read()).toEqual({ state: { version: 1, ...STATE } });
    expect(readdirSync(directory)).toEqual(["state.json"]);
  });

  it("may not be there", async () => {
    expect(await new StateFile(folder()).read()).toEqual({ absent: true });
  });

  it.each([
    ["that is cut", '{"version":1,"node":', /cut or damaged/],
    ["of another version", '{"version":9}', /expected version 1: version/],
    ["without a part", JSON.stringify({ version: 1, ...STATE, pods: undefined }), /pods: /],
    ["of another form", "[]", /expected version 1/],
  ])("%s is named, never thrown", async (_, text, fault) => {
    const file = new StateFile(root);
    writeFileSync(file.path, text);
    expect(await file.read()).toEqual({ fault: expect.stringMatching(fault) });
  });

  it("stays as it was when a new one cannot be written", async () => {
    const directory = folder();
    const file = new StateFile(directory);
    await file.write(STATE);
    const huge = { ...STATE, namespaces: { shop: { text: "x".repeat(65 << 20) } } };
    await expect(file.write(huge)).rejects.toThrow(/Cannot keep so large a state/);
    expect(await file.read()).toHaveProperty("state");
  });
});

describe("which FlowResets were acted on", () => {
  const none = (error: Error): never => {
    throw error;
  };

  it("outlives the process, bounded, the oldest forgotten first", () => {
    const directory = folder();
    const acted = new ActedResets(directory, none);
    for (let i = 0; i <= MAX_ACTED; i++) acted.add(`uid-${i}`);
    const later = new ActedResets(directory, none);
    expect([later.has("uid-0"), later.has("uid-1"), later.has(`uid-${MAX_ACTED}`)]).toEqual([false, true, true]);
  });

  it("takes no more room on the disk while the process lives on", () => {
    const directory = folder();
    const acted = new ActedResets(directory, none);
    for (let i = 0; i < 3 * MAX_ACTED; i++) acted.add(`uid-${i}`);
    expect(readFileSync(join(directory, "acted"), "utf8").split("\n").length).toBeLessThanOrEqual(2 * MAX_ACTED + 1);
    expect(new ActedResets(directory, none).has(`uid-${3 * MAX_ACTED - 1}`)).toBe(true);
  });

  it("is kept in this process where the disk refuses, and that is told", () => {
    const faults: Error[] = [];
    const acted = new ActedResets("/proc/nowhere", (error) => faults.push(error));
    acted.add("a");
    expect([acted.has("a"), faults.length]).toEqual([true, 2]);
  });
});

describe("between which ends FlowResets hold", () => {
  const none = (error: Error): never => {
    throw error;
  };
  const ends = { uid: "a", client: "10.0.0.1", server: "fd00::2", serverPort: 443, clientPod: "pod-1", serverPod: "", untilMs: 5 };

  it("outlives the process, is told once, and outlives the next one too", () => {
    const directory = folder();
    const first = new HeldEndsFile(directory, none);
    for (const kept of [ends, ends, { ...ends, serverPort: 80 }, { ...ends, uid: "b" }]) first.keep(kept);
    expect(first.takeBack("a")).toEqual([]);
    for (let process = 0; process < 2; process++) {
      const later = new HeldEndsFile(directory, none);
      expect([later.takeBack("a"), later.takeBack("a"), later.takeBack("c")]).toEqual([[ends, { ...ends, serverPort: 80 }], [], []]);
    }
  });

  it.each([
    ["cut by a crash", JSON.stringify(ends).slice(0, -3)],
    ["no address", JSON.stringify({ ...ends, client: "somebody" })],
    ["no port", JSON.stringify({ ...ends, serverPort: 0 })],
    ["of another version", JSON.stringify({ ...ends, untilMs: undefined })],
  ])("leaves out a line that is %s, and no other", (_, line) => {
    const directory = folder();
    mkdirSync(directory);
    writeFileSync(join(directory, "held"), `${line}\n${JSON.stringify(ends)}\n`);
    expect(new HeldEndsFile(directory, none).takeBack("a")).toEqual([ends]);
  });
});
