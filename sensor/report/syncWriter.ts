/**
 * Event lines of a replay: every line is written, in order, and the program waits for whoever reads. No queue, so
 * nothing is dropped; a full disk is an error of the run.
 */
import { closeSync, writeSync } from "node:fs";
import { openTarget } from "./target.ts";
import type { Target } from "./target.ts";

const BUFFER_BYTES = 64 << 10;
const BUSY_WAIT_MS = 2;

export class SyncEventWriter {
  written = 0;
  /** The reader went away (`| head`): what follows is thrown away, and that is no error. */
  readerGone = false;
  readonly #target: Target | undefined;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  readonly #pause = new Int32Array(new SharedArrayBuffer(4));

  /** Begins the file anew: a replay is the same to the byte. Throws when `path` cannot be opened. "-" is standard output, "none" swallows every line. */
  constructor(path: string) {
    this.#target = path === "none" ? undefined : openTarget(path, "anew");
  }

  /** One line with its newline. Throws on ENOSPC and its like. */
  write(line: string | Uint8Array): void {
    const bytes = typeof line === "string" ? Buffer.from(line) : line;
    if (this.#used + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.#out(bytes);
    else {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
    }
    this.written++;
  }

  flush(): void {
    const used = this.#used;
    this.#used = 0;
    this.#out(this.#buffer.subarray(0, used));
  }

  /** Flushes and closes. */
  close(): void {
    try {
      this.flush();
    } finally {
      if (this.#target?.owned === true) closeSync(this.#target.fd);
    }
  }

  #out(bytes: Uint8Array): void {
    if (this.#target === undefined || this.readerGone) return;
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += writeSync(this.#target.fd, bytes, offset, bytes.length - offset);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EPIPE") {
          this.readerGone = true;
          return;
        }
        if (code !== "EAGAIN" && code !== "EINTR") throw error;
        Atomics.wait(this.#pause, 0, 0, BUSY_WAIT_MS);
      }
    }
  }
}
