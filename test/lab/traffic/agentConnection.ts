/** One socket of the agent: counts, hashes, looks for the trigger, floods. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { Socket } from "node:net";
import { floodBlock, FLOOD_BLOCK_BYTES } from "./protocol.ts";
import type { Behaviour, Event, Statistics } from "./protocol.ts";

const TAIL_BYTES = 16_384;
const BURST_INTERVAL_MS = 5;
const BLOCK = floodBlock();

export class AgentConnection {
  readonly socket: Socket;
  readonly #received: Hash = createHash("sha256");
  readonly #sent: Hash = createHash("sha256");
  readonly #trigger: Buffer | undefined;
  #receivedBytes = 0;
  #sentBytes = 0;
  #bytesAfterTrigger = -1;
  #tail: Buffer = Buffer.alloc(0);
  #line = "";

  constructor(id: number, socket: Socket, behaviour: Behaviour, trigger: string | undefined, say: (event: Event) => void) {
    this.socket = socket;
    this.#trigger = trigger === undefined ? undefined : Buffer.from(trigger, "latin1");
    let error: string | undefined;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#onData(bytes, behaviour));
    socket.on("error", (failure) => (error = (failure as NodeJS.ErrnoException).code ?? failure.message));
    socket.on("close", () => {
      say({ event: "closed", id, ...(error === undefined ? {} : { error }), statistics: this.statistics() });
    });
  }

  #onData(bytes: Buffer, behaviour: Behaviour): void {
    this.#received.update(bytes);
    this.#receivedBytes += bytes.length;
    this.#lookForTrigger(bytes);
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    if (behaviour === "echo") this.write(bytes);
    if (behaviour === "respond") {
      const lines = (this.#line + bytes.toString("latin1")).split("\n");
      this.#line = lines.pop()!;
      for (const line of lines) this.write(repeated(Number(line)));
    }
  }

  #lookForTrigger(bytes: Buffer): void {
    if (this.#bytesAfterTrigger >= 0) {
      this.#bytesAfterTrigger += bytes.length;
    } else if (this.#trigger !== undefined) {
      // It may straddle two reads.
      const joined = Buffer.concat([this.#tail.subarray(-this.#trigger.length + 1), bytes]);
      const at = joined.indexOf(this.#trigger);
      if (at >= 0) this.#bytesAfterTrigger = joined.length - at - this.#trigger.length;
    }
  }

  /** False where the kernel's buffer is full. */
  write(bytes: Buffer): boolean {
    this.#sent.update(bytes);
    this.#sentBytes += bytes.length;
    return this.socket.write(bytes);
  }

  flood(bytes: number, bytesPerSecond: number | undefined, trigger: string | undefined, triggerAt: number): void {
    const marked = trigger === undefined ? undefined : Buffer.from(trigger, "latin1");
    const burst = bytesPerSecond === undefined ? FLOOD_BLOCK_BYTES : Math.max(1, Math.round((bytesPerSecond * BURST_INTERVAL_MS) / 1000));
    let done = 0;
    let clear = true;
    const more = (limit: number): void => {
      for (const end = Math.min(done + limit, bytes); done < end && clear && !this.socket.destroyed; ) {
        let chunk = BLOCK.subarray(done % FLOOD_BLOCK_BYTES).subarray(0, end - done);
        if (marked !== undefined && done <= triggerAt && triggerAt < done + chunk.length) {
          chunk = done === triggerAt ? marked : chunk.subarray(0, triggerAt - done);
        }
        clear = this.write(chunk);
        done += chunk.length;
      }
    };
    this.socket.on("drain", () => {
      clear = true;
      if (bytesPerSecond === undefined) more(bytes);
    });
    if (bytesPerSecond === undefined) return more(bytes);
    const timer = setInterval(() => {
      more(burst);
      if (done >= bytes || this.socket.destroyed) clearInterval(timer);
    }, BURST_INTERVAL_MS);
  }

  statistics(): Statistics {
    return {
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      receivedSha256: this.#received.copy().digest("hex"),
      sentSha256: this.#sent.copy().digest("hex"),
      bytesAfterTrigger: this.#bytesAfterTrigger,
      tail: this.#tail.toString("latin1"),
    };
  }
}

function repeated(length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, Number.isFinite(length) ? length : 0));
  for (let at = 0; at < bytes.length; at += FLOOD_BLOCK_BYTES) BLOCK.copy(bytes, at);
  return bytes;
}
