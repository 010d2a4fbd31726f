/** What the test and the agent in a namespace say to each other: one JSON object a line. */

export type Behaviour =
  /** Sends back what it gets. */
  | "echo"
  /** Reads, counts and hashes. */
  | "sink"
  /** Each line is a number: that many bytes are sent back. */
  | "respond";

export type Command =
  | { op: "listen"; id: number; host?: string; port: number; behaviour: Behaviour; trigger?: string }
  | { op: "connect"; id: number; host: string; port: number; localPort?: number; localAddress?: string; trigger?: string }
  | { op: "write"; id: number; base64: string }
  /** Writes as fast as it is taken; with `bytesPerSecond` in bursts every 5 ms; with a trigger at that offset. */
  | { op: "flood"; id: number; bytes: number; bytesPerSecond?: number; trigger?: string; triggerAt?: number }
  | { op: "pause" | "resume" | "end" | "destroy"; id: number }
  | { op: "stat"; id: number; request: number }
  | { op: "http"; id: number; port: number; host?: string };

export interface Statistics {
  receivedBytes: number;
  sentBytes: number;
  /** SHA-256 of what was received so far, hexadecimal. */
  receivedSha256: string;
  /** Of what was given to the kernel so far. */
  sentSha256: string;
  /** Bytes received after the end of the trigger; -1 while it was not seen. */
  bytesAfterTrigger: number;
  /** The last 16 KiB received, as Latin-1. */
  tail: string;
}

export type Event =
  | { event: "ready" }
  | { event: "listening"; id: number; port: number }
  | { event: "connected"; id: number; localPort: number; localAddress: string }
  | { event: "accepted"; id: number; listener: number; localPort: number; remotePort: number; remoteAddress: string }
  /** `error` is the errno name (ECONNRESET, ECONNREFUSED, ...), absent after an orderly end. */
  | { event: "closed"; id: number; error?: string; statistics: Statistics }
  | { event: "stat"; request: number; statistics: Statistics }
  | { event: "failed"; id: number; error: string };

/** Connections that the agent accepts get numbers from here up; those that the test opens are below. */
export const FIRST_ACCEPTED_ID = 1_000_000;

/** The bytes of a flood, printable, the same everywhere: this block again and again. */
export const FLOOD_BLOCK_BYTES = 65_521;
export function floodBlock(): Buffer {
  const block = Buffer.alloc(FLOOD_BLOCK_BYTES);
  let state = 2_463_534_242;
  for (let i = 0; i < block.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[i] = 97 + ((state >>> 0) % 26);
  }
  return block;
}
