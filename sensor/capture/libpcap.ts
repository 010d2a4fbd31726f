/**
 * The portable way in: libpcap through the optional package `cap`. Slower (about 10 us a packet), without loss
 * counters, kernel timestamps and checksum flags, in the main thread only; for where the ring cannot run.
 *
 * The package delivers by events between turns of the event loop, so `poll` never waits: it empties a bounded queue;
 * `readable()` is what to await before. Checksums count as unfilled, because local senders leave them so and nobody
 * says which; direction is told by the interface's own MAC.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { ChecksumState, Frame, LinkType, PacketDirection } from "../decode/mod.ts";
import { CaptureError } from "./error.ts";
import { emptyStatistics } from "./source.ts";
import type { CaptureStatistics, PacketSource } from "./source.ts";

export interface LibpcapInterface {
  name: string;
  /** Absent: asked of sysfs, which may show another network namespace; where it knows nothing, the place in the list from 1. */
  index?: number;
  /** "02:00:00:00:00:01", to tell direction; absent: asked of sysfs. */
  mac?: string;
}

export interface LibpcapOptions {
  /** At least one. */
  interfaces: readonly LibpcapInterface[];
  /** In libpcap's filter language; "" for everything. */
  filter?: string;
  queueBytes?: number;
  batchPackets?: number;
}

/** What is used of the package. */
export interface CapModule {
  Cap: new () => CapDevice;
}

export interface CapDevice {
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string;
  on(event: "packet", listener: (length: number, truncated: boolean) => void): void;
  close(): void;
}

const QUEUE_BYTES = 8 << 20;
export const QUEUE_PACKETS = 8192;
/**
 * The package's snap length makes each slot of libpcap's ring 64 KiB: 8 MiB held 128 packets, and bursts of a hundred
 * connections lost some, which nobody tells. All interfaces share the sum, within what helps one and what each needs.
 */
const KERNEL_BUFFERS_BYTES = 128 << 20;
const SMALLEST_KERNEL_BUFFER_BYTES = 8 << 20;
const LARGEST_KERNEL_BUFFER_BYTES = 32 << 20;
/** The package's own snap length. */
const LONGEST_PACKET_BYTES = 65535;
const MAC_BYTES = 6;

/** cap keeps a bare pointer to the buffer: without a reference here it would be freed under the running capture. */
const pinned = new Set<Buffer>();

/** CaptureError where the package is not built, the thread is not the main one, or an interface cannot be opened. */
export function openLibpcap(options: LibpcapOptions, load: () => CapModule = loadCap): LibpcapSource {
  if (!isMainThread) throw new CaptureError("Open libpcap in the main thread: the package cap cannot load in a Worker");
  return new LibpcapSource(options, load());
}

function loadCap(): CapModule {
  try {
    return createRequire(import.meta.url)("cap") as CapModule;
  } catch (error) {
    throw new CaptureError("Build the optional package cap with tools/cap.sh, or use the ring: cap cannot be loaded", "", error);
  }
}

export class LibpcapSource implements PacketSource {
  readonly #closers: (() => void)[] = [];
  readonly #frame = new Frame();
  readonly #statistics = emptyStatistics();
  readonly #batchPackets: number;
  // The queue: packets one behind the other; it starts anew whenever it is empty.
  readonly #bytes: Uint8Array;
  readonly #offset = new Int32Array(QUEUE_PACKETS);
  readonly #length = new Int32Array(QUEUE_PACKETS);
  readonly #device = new Int32Array(QUEUE_PACKETS);
  readonly #timestampMs = new Float64Array(QUEUE_PACKETS);
  readonly #interfaces: CapturedInterface[] = [];
  #head = 0;
  #tail = 0;
  #end = 0;
  #woken = false;
  #open = true;
  #notify: (() => void) | undefined;

  constructor(options: LibpcapOptions, module: CapModule) {
    this.#bytes = new Uint8Array(options.queueBytes ?? QUEUE_BYTES);
    this.#batchPackets = options.batchPackets ?? 256;
    try {
      const each = kernelBufferBytes(options.interfaces.length);
      for (const wanted of options.interfaces) this.#openDevice(module, wanted, options.filter ?? "", each);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Resolves with true as soon as a packet waits or `wake()` was called, with false after the time. */
  readable(timeoutMs: number): Promise<boolean> {
    if (this.#head < this.#tail || this.#woken || !this.#open) {
      this.#woken = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const timer = timeoutMs < 0 ? undefined : setTimeout(() => this.#settle(resolve, false), timeoutMs);
      this.#notify = () => {
        clearTimeout(timer);
        this.#woken = false;
        this.#settle(resolve, true);
      };
    });
  }

  poll(_timeoutMs: number, visit: (frame: Frame) => void): number {
    const frame = this.#frame;
    let count = 0;
    while (count < this.#batchPackets && this.#head < this.#tail) {
      const index = this.#head++;
      const from = this.#interfaces[this.#device[index]];
      frame.bytes = this.#bytes;
      frame.offset = this.#offset[index];
      frame.capturedLength = frame.wireLength = this.#length[index];
      frame.timestampMs = this.#timestampMs[index];
      frame.interfaceIndex = from.index;
      frame.linkType = from.linkType;
      frame.direction = this.#isOwn(from, frame.offset) ? PacketDirection.Outgoing : PacketDirection.Host;
      frame.checksum = ChecksumState.NotReady;
      this.#statistics.packets++;
      this.#statistics.bytes += frame.capturedLength;
      count++;
      visit(frame);
    }
    if (this.#head === this.#tail) this.#head = this.#tail = this.#end = 0;
    return count;
  }

  /** `dropped` counts what found the queue full; libpcap's own losses are not told. */
  statistics(): CaptureStatistics {
    return this.#statistics;
  }

  wake(): void {
    this.#woken = true;
    this.#notify?.();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const close of this.#closers) close();
    this.#head = this.#tail = 0;
    this.wake();
  }

  #settle(resolve: (readable: boolean) => void, readable: boolean): void {
    this.#notify = undefined;
    resolve(readable);
  }

  #openDevice(module: CapModule, wanted: LibpcapInterface, filter: string, kernelBufferBytes: number): void {
    const { name } = wanted;
    const device = new module.Cap();
    const buffer = Buffer.alloc(LONGEST_PACKET_BYTES);
    const position = this.#interfaces.length;
    let linkType: string;
    try {
      linkType = device.open(name, filter, kernelBufferBytes, buffer);
    } catch (error) {
      throw new CaptureError(`Check the name and the right to capture (CAP_NET_RAW): libpcap cannot open ${name}: ${(error as Error).message}`, "", error);
    }
    pinned.add(buffer);
    this.#closers.push(() => {
      device.close();
      // A close inside the packet event takes effect only after it.
      setImmediate(() => pinned.delete(buffer));
    });
    this.#interfaces.push({
      index: wanted.index ?? Number(systemFile(name, "ifindex") ?? position + 1),
      linkType: linkTypeOfName(linkType),
      mac: parseMac(wanted.mac ?? systemFile(name, "address") ?? ""),
    });
    device.on("packet", (length) => this.#queue(position, buffer, length));
  }

  #queue(device: number, buffer: Buffer, length: number): void {
    if (!this.#open) return;
    if (this.#tail === QUEUE_PACKETS || this.#end + length > this.#bytes.length) {
      this.#statistics.dropped++;
      return;
    }
    this.#bytes.set(buffer.subarray(0, length), this.#end);
    this.#offset[this.#tail] = this.#end;
    this.#length[this.#tail] = length;
    this.#device[this.#tail] = device;
    this.#timestampMs[this.#tail] = performance.timeOrigin + performance.now();
    this.#tail++;
    this.#end += length;
    this.#notify?.();
  }

  #isOwn(from: CapturedInterface, offset: number): boolean {
    if (from.linkType !== LinkType.Ethernet || from.mac === undefined) return false;
    for (let index = 0; index < MAC_BYTES; index++) {
      if (this.#bytes[offset + MAC_BYTES + index] !== from.mac[index]) return false;
    }
    return true;
  }
}

interface CapturedInterface {
  index: number;
  linkType: number;
  mac: Uint8Array | undefined;
}

/** Of each of so many interfaces. */
export function kernelBufferBytes(interfaces: number): number {
  return Math.min(LARGEST_KERNEL_BUFFER_BYTES, Math.max(SMALLEST_KERNEL_BUFFER_BYTES, Math.floor(KERNEL_BUFFERS_BYTES / interfaces)));
}

/** From the package's names: "ETHERNET", "Unknown linktype 276". */
export function linkTypeOfName(name: string): number {
  switch (name) {
    case "ETHERNET": return LinkType.Ethernet;
    case "NULL": return LinkType.Null;
    case "RAW": return LinkType.Raw;
    case "LINKTYPE_LINUX_SLL": return LinkType.LinuxCooked;
    default: return Number(/\d+$/.exec(name)?.[0] ?? -1);
  }
}

/** Undefined where there is none that could tell direction: loopback has zeros on both sides. */
function parseMac(text: string): Uint8Array | undefined {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) || text === "00:00:00:00:00:00") return undefined;
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** Linux only; undefined elsewhere. */
function systemFile(name: string, file: string): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${name}/${file}`, "utf8").trim();
  } catch {
    return undefined;
  }
}
