/**
 * Event lines to a file or to standard output, in a bounded queue: while the reader is slow or the disk is full,
 * lines wait up to a limit and are then dropped and counted. A line is written whole or not at all: what the
 * kernel took half of is finished before anything else, also after ENOSPC.
 */
import { close, write } from "node:fs";
import { openTarget } from "./target.ts";
import type { Target } from "./target.ts";

const DEFAULT_QUEUE_BYTES = 4 << 20;
/** Bytes handed to one write call. */
const CHUNK_BYTES = 256 << 10;
const BUSY_RETRY_MS = 5;
const FAULT_RETRY_MS = 500;

export interface EventWriter {
  /** One line with its newline. False when it was dropped. */
  write(line: string | Uint8Array): boolean;
  /** Resolves true when all that was queued has left, false when that did not happen in time. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Opens the file again (log rotation). Nothing happens for standard output. */
  reopen(): void;
  /** Flushes, then closes. */
  close(timeoutMs?: number): Promise<void>;
  readonly written: number;
  readonly dropped: number;
  readonly queuedBytes: number;
  readonly capacityBytes: number;
}

export interface WriterOptions {
  queueBytes?: number;
  /** Told once when writing begins to fail and once (undefined) when it works again. */
  onFault?: (error: Error | undefined) => void;
}

/** Throws when `path` cannot be opened. "-" is standard output, "none" swallows every line. */
export function openEventWriter(path: string, options: WriterOptions = {}): EventWriter {
  return new QueuedWriter(path, path === "none" ? undefined : openTarget(path), options);
}

class QueuedWriter implements EventWriter {
  written = 0;
  dropped = 0;
  queuedBytes = 0;
  readonly capacityBytes: number;
  readonly #path: string;
  readonly #onFault: (error: Error | undefined) => void;
  #target: Target | undefined;
  #queue: Uint8Array[] = [];
  /** What is being written: a run of whole lines, and how far it has got. */
  #chunk: Uint8Array | undefined;
  #chunkLines = 0;
  #chunkOffset = 0;
  #busy = false;
  #inFlight = false;
  #faulty = false;
  #reopenWanted = false;
  /** Nobody can ever read again (EPIPE, EBADF). */
  #dead: boolean;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(path: string, target: Target | undefined, options: WriterOptions) {
    this.#path = path;
    this.#target = target;
    this.#dead = target === undefined;
    this.#onFault = options.onFault ?? (() => {});
    this.capacityBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
  }

  write(line: string | Uint8Array): boolean {
    if (this.#path === "none") return true;
    const bytes = typeof line === "string" ? Buffer.from(line) : line;
    if (this.#dead || this.#closed || this.queuedBytes + bytes.length > this.capacityBytes) {
      this.dropped++;
      return false;
    }
    this.#queue.push(bytes);
    this.queuedBytes += bytes.length;
    // A burst of events of one turn of the loop becomes one write.
    if (!this.#busy) {
      this.#busy = true;
      setImmediate(() => this.#pump());
    }
    return true;
  }

  async flush(timeoutMs: number): Promise<boolean> {
    if (!this.#idle()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiting.push(resolve);
      await promise;
      clearTimeout(timer);
    }
    return this.#idle();
  }

  reopen(): void {
    if (this.#target?.reopenable !== true || this.#closed) return;
    this.#reopenWanted = true;
    if (this.#busy && this.#timer === undefined) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    this.#pump();
  }

  async close(timeoutMs = 2_000): Promise<void> {
    if (this.#closed) return;
    await this.flush(timeoutMs);
    this.#closed = true;
    clearTimeout(this.#timer);
    this.dropped += this.#queue.length + (this.#chunk === undefined ? 0 : this.#chunkLines);
    this.#queue = [];
    this.#chunk = undefined;
    this.queuedBytes = 0;
    const target = this.#target;
    // A write that never came back still owns the descriptor: closing would hand its number to another file.
    if (target?.owned === true && !this.#inFlight) await new Promise<void>((resolve) => close(target.fd, () => resolve()));
  }

  #idle(): boolean {
    return this.#chunk === undefined && this.#queue.length === 0;
  }

  #pump(): void {
    this.#timer = undefined;
    if (this.#closed) return;
    if (this.#reopenWanted) this.#swap();
    this.#chunk ??= this.#take();
    const chunk = this.#chunk;
    const target = this.#target;
    if (chunk === undefined || target === undefined) {
      this.#busy = false;
      if (chunk === undefined) for (const resolve of this.#waiting.splice(0)) resolve();
      return;
    }
    this.#inFlight = true;
    write(target.fd, chunk, this.#chunkOffset, chunk.length - this.#chunkOffset, null, (error, bytesWritten) =>
      this.#onWritten(error, bytesWritten),
    );
  }

  #onWritten(error: NodeJS.ErrnoException | null, bytesWritten: number): void {
    this.#inFlight = false;
    if (this.#closed) return;
    if (error !== null) {
      this.#onError(error);
      return;
    }
    if (this.#faulty) {
      this.#faulty = false;
      this.#onFault(undefined);
    }
    this.#chunkOffset += bytesWritten;
    if (this.#chunkOffset === this.#chunk?.length) {
      this.written += this.#chunkLines;
      this.#dropChunk();
    }
    this.#pump();
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (error.code === "EAGAIN" || error.code === "EINTR") {
      this.#timer = setTimeout(() => this.#pump(), BUSY_RETRY_MS);
      return;
    }
    if (!this.#faulty) {
      this.#faulty = true;
      this.#onFault(error);
    }
    if (error.code === "EPIPE" || error.code === "EBADF") {
      this.#dead = true;
      this.dropped += this.#chunkLines + this.#queue.length;
      this.#queue = [];
      this.#dropChunk();
      this.queuedBytes = 0;
      this.#pump();
      return;
    }
    this.#timer = setTimeout(() => this.#pump(), FAULT_RETRY_MS);
    // A full disk must not keep a program alive that has nothing else to do.
    this.#timer.unref();
  }

  /** To the file that is now at the path. The rest of a half-written chunk belongs to the old file: it is lost. */
  #swap(): void {
    this.#reopenWanted = false;
    try {
      const fresh = openTarget(this.#path);
      const old = this.#target;
      this.#target = fresh;
      if (old?.owned === true) close(old.fd);
      if (this.#chunkOffset > 0) {
        this.dropped += this.#chunkLines;
        this.#dropChunk();
      }
    } catch (error) {
      this.#onFault(error as Error);
    }
  }

  #dropChunk(): void {
    this.queuedBytes -= this.#chunk?.length ?? 0;
    this.#chunk = undefined;
    this.#chunkOffset = 0;
    this.#chunkLines = 0;
  }

  #take(): Uint8Array | undefined {
    if (this.#queue.length === 0) return undefined;
    let bytes = 0;
    let lines = 0;
    while (lines < this.#queue.length && (lines === 0 || bytes + this.#queue[lines].length <= CHUNK_BYTES)) {
      bytes += this.#queue[lines++].length;
    }
    const taken = this.#queue.splice(0, lines);
    this.#chunkLines = lines;
    return lines === 1 ? taken[0] : Buffer.concat(taken, bytes);
  }
}
