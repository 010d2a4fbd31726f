import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { loadNative, WaitResult } from "./mod.ts";
import type { Native, RingHandle, SenderHandle } from "./mod.ts";

const built = existsSync(`${import.meta.dirname}/flowreset-${process.arch}.node`);
const ACCEPT_NOTHING = new Uint8Array(Uint16Array.of(0x06, 0, 0, 0).buffer);
const NET_RAW = 2 ** 13;

describe.skipIf(!built)("the native addon", () => {
  const native: Native = built ? loadNative() : (undefined as never);
  const mayCapture = built && Math.floor(native.effectiveCapabilities() / NET_RAW) % 2 === 1;

  it("is loaded once", () => {
    expect(loadNative()).toBe(native);
  });

  it("keeps the clock of the packets", () => {
    expect(Math.abs(native.realtimeMs() - Date.now())).toBeLessThan(1000);
  });

  it("gives the pages of program files back, and all goes on", () => {
    const programKb = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
    const before = programKb();
    native.releaseMemory();
    expect(programKb()).toBeLessThan(before);
    expect(runInNewContext("[3, 1, 2].sort().join()")).toBe("1,2,3");
  });

  it.each<[string, () => unknown]>([
    ["a slot size that is no power of two", () => native.ringOpen(2000, 32, 1, ACCEPT_NOTHING, 0, -1)],
    ["a slot size below a header", () => native.ringOpen(128, 512, 1, ACCEPT_NOTHING, 0, -1)],
    ["a ring that is no multiple of a block", () => native.ringOpen(2048, 33, 1, ACCEPT_NOTHING, 0, -1)],
    ["a ring without end", () => native.ringOpen(65536, 2 ** 29, 1, ACCEPT_NOTHING, 0, -1)],
    ["a fraction of a slot", () => native.ringOpen(2048, 32.5, 1, ACCEPT_NOTHING, 0, -1)],
    ["a NaN", () => native.ringOpen(Number.NaN, 32, 1, ACCEPT_NOTHING, 0, -1)],
    ["a filter of another type", () => native.ringOpen(2048, 32, 1, new Uint16Array(4) as never, 0, -1)],
    ["a negative interface", () => native.ringOpen(2048, 32, 1, ACCEPT_NOTHING, -1, -1)],
    ["too few arguments", () => (native.ringOpen as () => RingHandle)()],
    ["a foreign object as ring", () => native.ringWait({} as RingHandle, 0, false)],
    ["a number as ring", () => native.ringStatistics(7 as never, new Uint32Array(2))],
    ["null as sender", () => native.senderSend(null as never, new Uint8Array(1), new Int32Array(1), new Int32Array(1), new Int32Array(1), new Int32Array(1), 1, 1)],
    ["a device name beyond the kernel's", () => native.senderOpen("x".repeat(16))],
    ["a negative descriptor", () => native.wake(-1)],
    ["no descriptor", () => (native.closeFd as () => number)()],
    ["a protocol beyond netlink's", () => native.netlinkOpen(0, 99)],
    ["no buffer for netlink", () => native.netlinkReceive(0, "bytes" as never, 0)],
    ["a mask beyond 53 bits", () => native.dropCapabilities(2 ** 60)],
  ])("refuses %s", (_name, call) => {
    expect(call).toThrow(TypeError);
  });

  it("asks the kernel for the interfaces and gets an answer in bytes", () => {
    const fd = native.netlinkOpen(0, 0);
    // RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, struct rtgenmsg.
    const request = new Uint8Array(32);
    const view = new DataView(request.buffer);
    view.setUint32(0, 32, true);
    view.setUint16(4, 18, true);
    view.setUint16(6, 0x301, true);
    expect(native.netlinkSend(fd, request)).toBe(0);
    const answer = new Uint8Array(65_536);
    const length = native.netlinkReceive(fd, answer, 1000);
    expect(length).toBeGreaterThan(16);
    expect(new DataView(answer.buffer).getUint16(4, true)).toBe(16);
    while (native.netlinkReceive(fd, answer, 20) > 0);
    expect(native.netlinkReceive(fd, answer, 0)).toBe(0);
    expect(native.netlinkSend(fd, request)).toBe(0);
    expect(native.netlinkReceive(fd, new Uint8Array(8), 1000)).toBe(-90);
    expect(native.closeFd(fd)).toBe(0);
    expect(native.netlinkReceive(fd, answer, 0)).toBeLessThan(0);
  });

  describe.skipIf(!mayCapture)("with CAP_NET_RAW", () => {
    it("opens a ring, waits, is woken, and closes it for good", () => {
      const event = native.eventOpen();
      const ring = native.ringOpen(2048, 32, 1 << 20, ACCEPT_NOTHING, 0, event);
      const bytes = new Uint8Array(ring.buffer);
      expect(bytes.length).toBe(65_536);
      expect(native.ringWait(ring, 1, false)).toBe(0);
      native.wake(event);
      native.wake(event);
      expect(native.ringWait(ring, -1, false)).toBe(WaitResult.Woken);
      native.wake(event);
      expect(native.ringWait(ring, -1, true)).toBe(WaitResult.Woken);
      expect(native.ringWait(ring, 0.05, false)).toBe(0);
      expect(native.ringSpin(ring, 31, 50)).toBe(0);
      expect(() => native.ringSpin(ring, 32, 50)).toThrow(TypeError);
      expect(native.ringReceive(ring, new Uint8Array(10))).toBe(-11);
      expect(native.ringStatistics(ring, new Uint32Array(2))).toBe(0);
      expect(() => native.ringStatistics(ring, new Uint32Array(1))).toThrow(TypeError);
      expect(native.ringFilter(ring, new Uint8Array(7))).toBe(-22);
      expect(native.ringFilter(ring, new Uint8Array(8))).toBe(-22);
      native.ringClose(ring);
      native.ringClose(ring);
      expect(bytes.length).toBe(0);
      expect(() => native.ringWait(ring, 0, false)).toThrow(TypeError);
      native.closeFd(event);
    });

    it("survives a ring whose buffer was replaced or taken away", () => {
      for (const spoil of [
        (ring: RingHandle) => Object.assign(ring, { buffer: new ArrayBuffer(65_536) }),
        (ring: RingHandle) => Object.assign(ring, { buffer: undefined }),
      ]) {
        const ring = native.ringOpen(2048, 32, 1 << 20, ACCEPT_NOTHING, 0, -1);
        const bytes = new Uint8Array(ring.buffer);
        spoil(ring);
        native.ringClose(ring);
        bytes[5] = 7;
        expect(bytes[5]).toBe(7); // still mapped: only its own finalizer may unmap it
      }
    });

    it("refuses an interface that is not there", () => {
      expect(() => native.ringOpen(2048, 32, 1 << 20, ACCEPT_NOTHING, 2 ** 30, -1)).toThrow(/Cannot bind the packet socket/);
    });

    it("checks the columns of a batch against its count", () => {
      const sender: SenderHandle = native.senderOpen("");
      const column = (): Int32Array => new Int32Array(2);
      const send = (bytes: number, count: number, slotBytes: number): number =>
        native.senderSend(sender, new Uint8Array(bytes), column(), column(), column(), column(), count, slotBytes);
      expect(send(320, 0, 160)).toBe(0);
      expect(send(320, 2, 160)).toBe(0); // both of length 0: EINVAL each
      expect(() => send(320, 3, 100)).toThrow(TypeError);
      expect(() => send(319, 2, 160)).toThrow(TypeError);
      native.senderClose(sender);
      native.senderClose(sender);
    });

    it("gives a ring back that nobody holds", async () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const before = openSockets();
      for (let turn = 0; turn < 20; turn++) native.ringOpen(2048, 32, 1 << 20, ACCEPT_NOTHING, 0, -1);
      expect(openSockets()).toBe(before + 20);
      for (let turn = 0; turn < 100 && openSockets() > before; turn++) {
        collect();
        await new Promise(setImmediate);
      }
      expect(openSockets()).toBeLessThanOrEqual(before);
    });
  });
});

function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false; // the listing's own descriptor
    }
  }).length;
}
