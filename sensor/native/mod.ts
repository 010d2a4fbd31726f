/**
 * The door to the native addon: the shapes of what flowreset.c exports, and how it is found.
 *
 * **Invariant:** no JavaScript reaches memory through here that the addon has given up; every call checks its
 * arguments (TypeError) and says failure as an Error with `errno` (opening) or as -errno (the packet path).
 *
 * It knows nothing of packets, policies or TypeScript's rooms. Built by `tools/native.sh`.
 */
import { createRequire } from "node:module";

/** An open receive ring; `buffer` is detached (length 0) once closed. */
export interface RingHandle {
  readonly buffer: ArrayBuffer;
  /** What the kernel granted for super-packets that wait beside the ring (it doubles what was asked). */
  readonly receiveBufferBytes: number;
}

/** Sockets that send and never receive. */
export type SenderHandle = object & { readonly __sender?: never };

/** Bits of what `ringWait` returns. */
export const WaitResult = { Readable: 1, Woken: 2, Failed: 4 } as const;

export interface Native {
  /** `slotBytes` a power of two from 256; `slotBytes * slotCount` a multiple of 64 KiB; `filter` classic BPF; `wakeFd` -1 for none. */
  ringOpen(slotBytes: number, slotCount: number, receiveBufferBytes: number, filter: Uint8Array, interfaceIndex: number, wakeFd: number): RingHandle;
  /** Blocks this thread: WaitResult bits or -errno. `timeoutMs` below 0 waits without end; `rest` looks at the wake descriptor only. */
  ringWait(ring: RingHandle, timeoutMs: number, rest: boolean): number;
  /** 1 as soon as the slot is filled, 0 after `microseconds` of looking. */
  ringSpin(ring: RingHandle, slot: number, microseconds: number): number;
  /** The next packet that did not fit its slot; above `into.length`: cut there. Or -errno. */
  ringReceive(ring: RingHandle, into: Uint8Array): number;
  /** Packets (lost ones too) and lost ones since the last call. 0 or -errno. */
  ringStatistics(ring: RingHandle, out: Uint32Array): number;
  ringFilter(ring: RingHandle, code: Uint8Array): number;
  ringClose(ring: RingHandle): void;

  /** `device` for SO_BINDTODEVICE on the raw sockets, "" for none. */
  senderOpen(device: string): SenderHandle;
  /** Sends `count` packets, packet i at `i * slotBytes`; writes each errno (0 = left) and returns how many left. */
  senderSend(sender: SenderHandle, bytes: Uint8Array, length: Int32Array, route: Int32Array, interfaceIndex: Int32Array, error: Int32Array, count: number, slotBytes: number): number;
  senderClose(sender: SenderHandle): void;

  /** An eventfd: any thread of the process may `wake` it. */
  eventOpen(): number;
  wake(fd: number): number;
  closeFd(fd: number): number;

  /** `groups` is a bit mask; protocol 0 is NETLINK_ROUTE. */
  netlinkOpen(groups: number, protocol: number): number;
  netlinkSend(fd: number, bytes: Uint8Array): number;
  /** Length of one datagram, 0 when the time is over, -errno (-105 ENOBUFS: events were lost; -90 EMSGSIZE: `into` is too small). */
  netlinkReceive(fd: number, into: Uint8Array, timeoutMs: number): number;

  /** Bit mask of this thread: bit n is capability n (12 NET_ADMIN, 13 NET_RAW). */
  effectiveCapabilities(): number;
  /** Gives up all others, for this thread and those that it starts later, for good. */
  dropCapabilities(keep: number): void;

  /** Gives free pages of the C heap back, and clean pages of program files, which return from the page cache when needed. */
  releaseMemory(): void;

  /** CLOCK_REALTIME in milliseconds with a fraction: the clock of the packets' timestamps. */
  realtimeMs(): number;
}

let loaded: Native | undefined;

/** The addon; an Error that says how to build it where it is missing. */
export function loadNative(): Native {
  if (loaded !== undefined) return loaded;
  const file = `flowreset-${process.arch}.node`;
  try {
    loaded = createRequire(import.meta.url)(`./${file}`) as Native;
  } catch (error) {
    throw new Error(`Build the native addon with tools/native.sh: cannot load ${file}`, { cause: error });
  }
  return loaded;
}
