import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_RECORD_BYTES, RecordRing } from "./recordRing.ts";

const CAPACITY = 131_072;

function drain(ring: RecordRing, limit = Infinity): { kind: number; bytes: Uint8Array }[] {
  const out: { kind: number; bytes: Uint8Array }[] = [];
  ring.read((kind, bytes) => out.push({ kind, bytes }), limit);
  return out;
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 255);
}

test("a record comes out as it went in, with its kind", () => {
  const ring = new RecordRing(CAPACITY);
  expect(ring.tryWrite(255, new Uint8Array([9, 1, 2, 3, 9]), 1, 3)).toBe(true);
  expect(ring.tryWrite(0, new Uint8Array(0))).toBe(true);
  expect(drain(ring)).toEqual([
    { kind: 255, bytes: new Uint8Array([1, 2, 3]) },
    { kind: 0, bytes: new Uint8Array(0) },
  ]);
  expect(ring.usedBytes).toBe(0);
});

test.each([
  ["zero", 0],
  ["no power of two", 200_000],
  ["too small for two of the largest records", 65_536],
])("a capacity that is %s is refused", (_, capacity) => {
  expect(() => new RecordRing(capacity)).toThrow(`got ${capacity}`);
});

test("a record longer than the limit is refused and counted, one of exactly the limit passes", () => {
  const ring = new RecordRing(CAPACITY);
  expect(ring.tryWrite(1, new Uint8Array(MAX_RECORD_BYTES + 1))).toBe(false);
  expect(ring.dropped).toBe(1);
  const largest = pattern(MAX_RECORD_BYTES, 7);
  expect(ring.tryWrite(1, largest)).toBe(true);
  expect(Buffer.compare(drain(ring)[0].bytes, largest)).toBe(0);
});

test("a reader that throws loses that record and nothing else", () => {
  const ring = new RecordRing(CAPACITY);
  for (let i = 0; i < 3; i++) ring.tryWrite(i, new Uint8Array([i]));
  expect(() =>
    ring.read(() => {
      throw new Error("reader");
    }),
  ).toThrow("reader");
  expect(drain(ring).map(({ kind }) => kind)).toEqual([1, 2]);
});

test("the ring does what a bounded queue does, whatever is written and read", () => {
  const step = fc.oneof(
    fc.record({
      length: fc.oneof(fc.nat(200), fc.nat(MAX_RECORD_BYTES + 4)),
      kind: fc.nat(255),
    }),
    fc.record({ read: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, start) => {
      const ring = new RecordRing(CAPACITY);
      // Anywhere in the 32 bits: also right before the indices wrap.
      new Int32Array(ring.buffer, 0, 17).set([start & ~3], 0);
      new Int32Array(ring.buffer, 0, 17).set([start & ~3], 16);
      const twin: { kind: number; bytes: Uint8Array }[] = [];
      let used = 0;
      let dropped = 0;
      let seed = 0;
      for (const now of steps) {
        if ("read" in now) {
          const expected = twin.splice(0, now.read);
          for (const { bytes } of expected) used -= 4 + Math.ceil(bytes.length / 4) * 4;
          const seen = drain(ring, now.read);
          expect(seen.map(({ kind }) => kind)).toEqual(expected.map(({ kind }) => kind));
          for (let i = 0; i < seen.length; i++) expect(Buffer.compare(seen[i].bytes, expected[i].bytes)).toBe(0);
          continue;
        }
        const bytes = pattern(now.length, seed++);
        const needed = 4 + Math.ceil(now.length / 4) * 4;
        const fits = now.length <= MAX_RECORD_BYTES && used + needed <= CAPACITY;
        expect(ring.tryWrite(now.kind, bytes)).toBe(fits);
        if (fits) {
          used += needed;
          twin.push({ kind: now.kind, bytes });
        } else dropped++;
      }
      expect(ring.usedBytes).toBe(used);
      expect(ring.dropped).toBe(dropped);
    }),
    { numRuns: 60 },
  );
});

test("two threads: every record arrives whole, once and in order, and the dropped ones are counted", async () => {
  const ring = new RecordRing(CAPACITY);
  const total = 20_000;
  const source = `
    import { workerData, parentPort } from "node:worker_threads";
    const { RecordRing } = await import(workerData.module);
    const ring = new RecordRing(workerData.buffer);
    let dropped = 0;
    for (let n = 0; n < workerData.total; n++) {
      const bytes = new Uint8Array(4 + (n * 7919) % 900).fill(n & 255);
      new DataView(bytes.buffer).setUint32(0, n);
      if (!ring.tryWrite(n & 255, bytes)) dropped++;
    }
    parentPort.postMessage(dropped);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { module: new URL("./recordRing.ts", import.meta.url).href, buffer: ring.buffer, total },
    execArgv: [],
  });
  let ended: number | undefined;
  const failed = new Promise<never>((_, reject) => worker.once("error", reject));
  worker.once("message", (dropped: number) => {
    ended = dropped;
    ring.wake();
  });
  let last = -1;
  let seen = 0;
  let damaged = 0;
  while (ended === undefined || ring.usedBytes > 0) {
    await Promise.race([ring.waitForRecords(50), failed]);
    ring.read((kind, bytes) => {
      const n = new DataView(bytes.buffer).getUint32(0);
      const whole = bytes.length === 4 + ((n * 7919) % 900) && bytes.subarray(4).every((byte) => byte === (n & 255));
      if (!whole || n <= last || kind !== (n & 255)) damaged++;
      last = n;
      seen++;
    }, 64);
    // Let the worker's message in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await worker.terminate();
  expect(damaged).toBe(0);
  expect(seen + ended).toBe(total);
  expect(ring.dropped).toBe(ended);
});

test("waiting ends when a record comes, also when it came before", async () => {
  const ring = new RecordRing(CAPACITY);
  const waiting = ring.waitForRecords(10_000);
  ring.tryWrite(1, new Uint8Array(1));
  await waiting;
  await ring.waitForRecords(10_000);
  expect(drain(ring)).toHaveLength(1);
});
