import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildSegment, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { replay } from "./replay.ts";
import type { ReplaySummary } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

const POLICY = `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: mark}
spec: {mode: Enforce, rules: [{name: mark, signature: {rules: ['alert tcp any any -> any any (content:"EVIL"; sid:1;)']}}]}
`;

/** A classic capture of `count` conversations, each with the mark across a segment border. */
function capture(count: number): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const parts: Buffer[] = [header];
  const { Syn, Ack } = TcpFlag;
  for (let number = 0; number < count; number++) {
    // Equal initial numbers would make them one connection behind NAT.
    const client = 100 + number * 7_919;
    const server = 500 + number * 104_729;
    const rows: [fromClient: boolean, sequence: number, acknowledgement: number, flags: number, text: string][] = [
      [true, client, 0, Syn, ""],
      [false, server, client + 1, Syn | Ack, ""],
      [true, client + 1, server + 1, Ack, ""],
      [true, client + 1, server + 1, Ack, "xxEV"],
      [true, client + 5, server + 1, Ack, "ILxx"],
    ];
    rows.forEach((row, index) => parts.push(record(number * 1_000 + index, 40_000 + number, row)));
  }
  return Buffer.concat(parts);
}

function record(microseconds: number, port: number, [fromClient, sequence, acknowledgement, flags, text]: [boolean, number, number, number, string]): Buffer {
  const spec = new SegmentSpec();
  spec.source2 = spec.destination2 = 0xffff;
  spec.source3 = fromClient ? 0x0a000001 : 0x0a000002;
  spec.destination3 = fromClient ? 0x0a000002 : 0x0a000001;
  spec.sourcePort = fromClient ? port : 80;
  spec.destinationPort = fromClient ? 80 : port;
  Object.assign(spec, { sequence, acknowledgement, flags, window: 65_535, payload: Buffer.from(text) });
  const bytes = Buffer.alloc(16 + 200);
  const length = buildSegment(bytes, 16, spec);
  bytes.writeUInt32LE(1_700_000_000, 0);
  bytes.writeUInt32LE(microseconds, 4);
  bytes.writeUInt32LE(length, 8);
  bytes.writeUInt32LE(length, 12);
  return bytes.subarray(0, 16 + length);
}

async function run(name: string, bytes: Buffer): Promise<{ summary: ReplaySummary; events: string }> {
  const policies = join(folder, "policies");
  mkdirSync(policies, { recursive: true });
  writeFileSync(join(policies, "mark.yaml"), POLICY);
  writeFileSync(join(folder, `${name}.pcap`), bytes);
  const events = join(folder, `${name}.json`);
  const summary = await replay({ files: [join(folder, `${name}.pcap`)], policies, events, logLevel: "silent", tableCapacity: 1_000, checksum: "verify" });
  return { summary, events: readFileSync(events, "utf8") };
}

test("replay() of one capture twice gives the same bytes of events", async () => {
  const [first, second] = [await run("first", capture(3)), await run("second", capture(3))];
  expect(first.events).toBe(second.events);
  expect(first.events.trim().split("\n")).toHaveLength(3);
  expect(first.summary).toMatchObject({ packets: 15, flows: 3, findings: 3, wouldReset: 3, error: undefined });
});

test("replay() of a capture that is cut off gives what came before, and at which byte it ends", async () => {
  const whole = capture(2);
  const { summary, events } = await run("cut", whole.subarray(0, whole.length - 5));
  expect(events.trim().split("\n")).toHaveLength(1);
  expect(summary).toMatchObject({ packets: 9, findings: 1 });
  expect(summary.error?.offset).toBe(whole.length - record(0, 0, [true, 0, 0, 0, "ILxx"]).length);
});
