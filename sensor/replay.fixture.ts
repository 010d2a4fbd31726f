/** Conversations with a mark in them, replayed in a folder of their own. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSegment, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import type { ReplayOptions, ReplaySummary } from "./options.ts";
import { replay } from "./replay.ts";

const MARK_POLICY = `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: mark}
spec: {mode: Enforce, rules: [{name: mark, signature: {rules: ['alert tcp any any -> any any (content:"EVIL"; sid:1;)']}}]}
`;

export interface TimedFrame {
  readonly microseconds: number;
  /** Ethernet. */
  readonly bytes: Uint8Array;
}

/** `count` conversations, each with the mark across a segment border. */
export function markedConversations(count: number): TimedFrame[] {
  const { Syn, Ack } = TcpFlag;
  return Array.from({ length: count }, (_, number) => {
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
    return rows.map((row, index) => ({ microseconds: number * 1_000 + index, bytes: segment(40_000 + number, ...row) }));
  }).flat();
}

function segment(port: number, fromClient: boolean, sequence: number, acknowledgement: number, flags: number, text: string): Uint8Array {
  const spec = new SegmentSpec();
  spec.source2 = spec.destination2 = 0xffff;
  spec.source3 = fromClient ? 0x0a000001 : 0x0a000002;
  spec.destination3 = fromClient ? 0x0a000002 : 0x0a000001;
  spec.sourcePort = fromClient ? port : 80;
  spec.destinationPort = fromClient ? 80 : port;
  Object.assign(spec, { sequence, acknowledgement, flags, window: 65_535, payload: Buffer.from(text) });
  const bytes = new Uint8Array(200);
  return bytes.slice(0, buildSegment(bytes, 0, spec));
}

export class ReplayFolder {
  readonly path = mkdtempSync(join(tmpdir(), "flowreset-replay-"));
  readonly policies = join(this.path, "policies");
  readonly events = join(this.path, "events.json");

  constructor(policy = MARK_POLICY) {
    mkdirSync(this.policies);
    writeFileSync(join(this.policies, "mark.yaml"), policy);
  }

  /** The path of a file with these bytes. */
  write(name: string, bytes: Uint8Array | string): string {
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  async replay(files: readonly string[], options: Partial<ReplayOptions> = {}): Promise<{ summary: ReplaySummary; events: string }> {
    const { policies, events } = this;
    const summary = await replay({ files, policies, events, logLevel: "silent", tableCapacity: 1_024, checksum: "verify", ...options });
    return { summary, events: readFileSync(events, "utf8") };
  }
}
