import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KubeError } from "../../kube/mod.ts";
import type { KubeObject } from "../../kube/mod.ts";
import { NodeWriter } from "./nodeWriter.ts";
import type { NodeWriterOptions } from "./nodeWriter.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const MINUTE = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function refusal(status: number): KubeError {
  return new KubeError({ status, reason: status === 404 ? "NotFound" : "Forbidden", verb: "patch", resource: "sensornodes.flowreset.io/status", name: "n1", path: "/", message: "no" });
}

/** An API server that counts. */
class Server {
  readonly applied: KubeObject[] = [];
  /** Milliseconds of each status write since the start. */
  readonly writes: number[] = [];
  fault: KubeError | undefined;
  uid = "node-uid";
  heartbeat = 0;
  readonly faults: (Error | undefined)[] = [];
  readonly writer: NodeWriter;
  readonly #startMs = performance.now();

  constructor() {
    const client = {
      apply: (async (_: unknown, object: KubeObject) => {
        this.applied.push(object);
        return object;
      }) as NodeWriterOptions["client"]["apply"],
      patchStatus: (async (_: unknown, __: unknown, status: object, { current }: { current: KubeObject }) => {
        if (this.fault !== undefined) throw this.fault;
        this.writes.push(Math.round(performance.now() - this.#startMs));
        return { ...current, status };
      }) as unknown as NodeWriterOptions["client"]["patchStatus"],
    };
    this.writer = new NodeWriter({
      client, node: "n1", fleet: "default", log: SILENT, random: () => 0.5,
      nodeUid: () => this.uid,
      status: () => ({ heartbeatTime: String(++this.heartbeat) }),
      onFault: (fault) => void this.faults.push(fault),
    });
    this.writer.start();
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }
}

describe("the SensorNode", () => {
  it("is made once, owned by its Node, and written at once, then every 90 seconds", async () => {
    const server = new Server();
    await server.pass(4 * MINUTE);
    expect(server.applied).toMatchObject([{ metadata: { name: "n1", ownerReferences: [{ kind: "Node", uid: "node-uid" }] }, spec: { fleet: "default" } }]);
    expect(server.writes).toEqual([0, 90_000, 180_000]);
  });

  it("is written once a minute at most, however much changes", async () => {
    const server = new Server();
    for (let second = 0; second < 300; second++) {
      await server.pass(1_000);
      server.writer.poke();
    }
    expect(server.writes).toEqual([0, 60_000, 120_000, 180_000, 240_000, 300_000]);
  });

  it("waits for its Node to be known", async () => {
    const server = new Server();
    server.uid = "";
    await server.pass(0);
    const late = new Server();
    late.uid = "";
    await late.pass(10_000);
    expect(late.applied).toEqual([]);
    late.uid = "node-uid";
    await late.pass(500);
    expect(late.writes).toHaveLength(1);
  });

  it("is tried again later and later while it is refused, and the refusal is told", async () => {
    const server = new Server();
    server.fault = refusal(403);
    await server.pass(30_000);
    expect(server.faults.filter((fault) => fault !== undefined)).toHaveLength(2);
    server.fault = undefined;
    await server.pass(2 * MINUTE);
    expect(server.faults.at(-1)).toBeUndefined();
    expect(server.writes.length).toBeGreaterThan(0);
  });

  it("is made anew when somebody has deleted it", async () => {
    const server = new Server();
    await server.pass(0);
    server.fault = refusal(404);
    await server.pass(90_000);
    server.fault = undefined;
    await server.pass(MINUTE);
    expect(server.applied).toHaveLength(2);
  });

  it("is left alone after the end", async () => {
    const server = new Server();
    await server.pass(0);
    server.writer.close();
    server.writer.poke();
    await server.pass(10 * MINUTE);
    expect(server.writes).toEqual([0]);
  });
});
