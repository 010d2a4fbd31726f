/**
 * Reads a capture file of any size through a window of bounded size: pcap and pcapng, gzip around either, standard
 * input. Everything before a damage is delivered; the damage is returned, not thrown.
 */
import { close, open, read } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { ByteWindow } from "./byteWindow.ts";
import { CaptureFileError } from "./captureFileError.ts";
import { type RecordReader, PcapMagic, PcapReader, type VisitFrame } from "./pcap.ts";
import { BlockType, type OnInterface, PcapngReader } from "./pcapng.ts";

export interface CaptureFileSummary {
  packets: number;
  /** As captured, link headers included. */
  bytes: number;
  /** Why reading ended before the end of the file, or that the file ends too early. */
  error?: CaptureFileError;
}

const CHUNK_BYTES = 1 << 20;
const STANDARD_INPUT = 0;
const GZIP_MAGIC = 0x8b1f;
const openFile = promisify(open);
const readFile = promisify(read);
const closeFile = promisify(close);

/** Visits every frame in the order of the file ("-": standard input). The frame is reused. What `visit` throws is passed on. */
export async function readCapture(path: string, visit: VisitFrame, onInterface?: OnInterface): Promise<CaptureFileSummary> {
  const capture = new CaptureStream(visit, onInterface);
  let descriptor = STANDARD_INPUT;
  try {
    if (path !== "-") descriptor = await openFile(path, "r");
    await pump(descriptor, capture);
    capture.end();
  } catch (error) {
    if (capture.visitFailed) throw error;
    capture.fail(error);
  } finally {
    if (descriptor !== STANDARD_INPUT) await closeFile(descriptor);
  }
  return capture.summary;
}

/** Bytes in, frames out, in pieces of any size. */
export class CaptureStream {
  readonly window = new ByteWindow();
  readonly summary: CaptureFileSummary = { packets: 0, bytes: 0 };
  visitFailed = false;
  readonly #visit: VisitFrame;
  readonly #onInterface: OnInterface | undefined;
  #reader: RecordReader | undefined;

  constructor(visit: VisitFrame, onInterface?: OnInterface) {
    this.#onInterface = onInterface;
    this.#visit = (frame) => {
      this.summary.packets++;
      this.summary.bytes += frame.capturedLength;
      this.visitFailed = true;
      visit(frame);
      this.visitFailed = false;
    };
  }

  /** Reads what was appended to the window. CaptureFileError where it is damaged. */
  read(): void {
    if (this.#reader === undefined) {
      if (this.window.length < 4) return;
      this.#reader = chooseReader(this.window, this.#onInterface);
    }
    this.#reader.read(this.window, this.#visit);
  }

  /** CaptureFileError where the file ends inside a record. */
  end(): void {
    const { window } = this;
    if (this.#reader === undefined) {
      throw new CaptureFileError(`Give a pcap or pcapng file: only ${window.length} bytes`, window.offset);
    }
    if (window.length > 0 || this.#reader.awaited === "the file header") {
      throw new CaptureFileError(`Capture again, the file is cut off: it ends after ${window.length} bytes of ${this.#reader.awaited}`, window.offset);
    }
  }

  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.summary.error = error instanceof CaptureFileError ? error
      : new CaptureFileError(`Give a readable capture file: ${message}`, this.window.offset, error);
  }
}

function chooseReader(window: ByteWindow, onInterface?: OnInterface): RecordReader {
  for (const little of [true, false]) {
    const magic = window.view.getUint32(window.start, little);
    if (magic === BlockType.Section) return new PcapngReader(onInterface);
    if (magic === PcapMagic.Microseconds || magic === PcapMagic.Nanoseconds) return new PcapReader(little, magic);
  }
  const found = window.view.getUint32(window.start).toString(16).padStart(8, "0");
  throw new CaptureFileError(`Give a pcap or pcapng file: it begins with 0x${found}`, window.offset);
}

async function pump(descriptor: number, capture: CaptureStream): Promise<void> {
  const { window } = capture;
  if (!(await fill(descriptor, window, 2))) return;
  if (window.view.getUint16(window.start, true) === GZIP_MAGIC) return unpack(descriptor, capture);
  do {
    capture.read();
  } while (await fill(descriptor, window, 1));
}

/** Reads at least `wanted` bytes more into the window; false at the end of the file. */
async function fill(descriptor: number, window: ByteWindow, wanted: number): Promise<boolean> {
  for (let had = 0; had < wanted; ) {
    window.reserve(CHUNK_BYTES);
    const count = await readSome(descriptor, window.bytes, window.end);
    if (count === 0) return false;
    window.end += count;
    had += count;
  }
  return true;
}

async function readSome(descriptor: number, into: Uint8Array, at: number): Promise<number> {
  for (;;) {
    try {
      return (await readFile(descriptor, into, at, CHUNK_BYTES, null)).bytesRead;
    } catch (error) {
      // A pipe that another process made non-blocking.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await sleep(10);
    }
  }
}

/** What is in the window already, and the rest of the file, is gzip. */
async function unpack(descriptor: number, capture: CaptureStream): Promise<void> {
  const { window } = capture;
  const gunzip = createGunzip({ chunkSize: 256 << 10 });
  let failure: unknown;
  // Flowing, so that what was unpacked before an error is read before the error is.
  gunzip.on("data", (chunk: Uint8Array) => {
    if (failure !== undefined) return;
    window.append(chunk);
    try {
      capture.read();
    } catch (error) {
      failure = error;
      gunzip.destroy();
    }
  });
  const ended = new Promise<void>((resolve) => {
    gunzip.once("error", (error) => {
      failure ??= new CaptureFileError(`Capture again, the gzip file is damaged or cut off: ${error.message}`, window.offset + window.length, error);
    });
    gunzip.once("close", resolve);
  });
  let chunk: Uint8Array = window.bytes.slice(window.start, window.end);
  window.start = window.end = 0;
  while (chunk.length > 0 && failure === undefined) {
    await new Promise<void>((resolve) => gunzip.write(chunk, () => resolve()));
    const next = new Uint8Array(CHUNK_BYTES);
    chunk = failure === undefined ? next.subarray(0, await readSome(descriptor, next, 0)) : next.subarray(0, 0);
  }
  if (!gunzip.destroyed) gunzip.end();
  await ended;
  if (failure !== undefined) throw failure;
}
