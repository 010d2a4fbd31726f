import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHomes, HomesReader, HomesWriter } from "./homes.ts";
import type { NetworkInterface } from "./interfaces.ts";
import { InterfaceKind } from "./kind.ts";
import type { InterfaceKindName } from "./kind.ts";
import { HOME_LIMIT, INTERFACE_LIMIT } from "./limits.ts";
import type { Placement } from "./placement.ts";

function networkInterface(index: number, kind: InterfaceKindName): NetworkInterface {
  return { index, name: `if${index}`, kind, hardwareType: 1, up: true, master: 0, mtu: 1_500, hardwareAddress: "", addresses: [] };
}

function placement(address: readonly number[], home: number, local = false, gateway = false): Placement {
  return { words: Int32Array.from(address), home, local, gateway };
}

type Words = [number, number, number, number];
const word = fc.oneof(fc.constantFrom(0, -1, 0xffff), fc.integer());
const address: fc.Arbitrary<Words> = fc.tuple(word, word, word, word);

describe("HomesReader", () => {
  test("knows nothing before the first picture", () => {
    const reader = new HomesReader(createHomes());
    expect([reader.homeOf(0, 0, 0xffff, 1), reader.kindOf(1), reader.isLocal(0, 0, 0, 0), reader.kindOf(0)]).toEqual([0, 0, false, 0]);
  });

  test("finds what a Map finds, picture after picture", () => {
    const buffer = createHomes();
    const writer = new HomesWriter(buffer);
    const reader = new HomesReader(buffer);
    const entry = fc.tuple(address, fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.boolean(), fc.boolean());
    const kinds = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 50 });
    fc.assert(fc.property(fc.array(entry, { maxLength: 100 }), kinds, fc.array(address, { maxLength: 20 }), (entries, indexes, others) => {
      const twin = new Map(entries.map(([words, home, local, gateway]) => [words.join(), placement(words, home, local, gateway)]));
      writer.publish(indexes.map((index) => networkInterface(index, index % 2 ? "Pod" : "Uplink")), [...twin.values()]);
      for (const words of [...entries.map(([words]) => words), ...others]) {
        const known = twin.get(words.join());
        expect(reader.homeOf(...words)).toBe(known?.home ?? 0);
        expect(reader.isLocal(...words)).toBe(known?.local ?? false);
        expect(reader.isShared(...words)).toBe((known?.local || known?.gateway) ?? false);
      }
      for (const index of indexes) {
        expect(reader.kindOf(index)).toBe(index % 2 ? InterfaceKind.Pod : InterfaceKind.Uplink);
        if (!indexes.includes(index - 1)) expect(reader.kindOf(index - 1)).toBe(InterfaceKind.Unknown);
      }
    }), { numRuns: 50 });
  });

  test("finds everything in a table that is full", () => {
    const buffer = createHomes();
    const reader = new HomesReader(buffer);
    const placements = Array.from({ length: HOME_LIMIT }, (_, i) => placement([0, 0, 0xffff, 0x0af40000 + i], i + 1));
    const interfaces = Array.from({ length: INTERFACE_LIMIT }, (_, i) => networkInterface(i + 1, "Pod"));
    new HomesWriter(buffer).publish(interfaces, placements);
    for (let i = 0; i < HOME_LIMIT; i++) expect(reader.homeOf(0, 0, 0xffff, 0x0af40000 + i)).toBe(i + 1);
    for (let i = 0; i < INTERFACE_LIMIT; i++) expect(reader.kindOf(i + 1)).toBe(InterfaceKind.Pod);
    expect(reader.homeOf(0, 0, 0xffff, 0x0af40000 + HOME_LIMIT)).toBe(0);
  });

  test("in another thread never sees half a picture while the writer goes on", async () => {
    const buffer = createHomes();
    const writer = new HomesWriter(buffer);
    const interfaces = [networkInterface(7, "Pod")];
    const filler = Array.from({ length: 500 }, (_, i) => placement([1, 2, 3, i], 9));
    const pictures = [[...filler, placement([0, 0, 0xffff, 77], 7)], [placement([0, 0, 0xffff, 77], 7), ...filler.slice(0, 50)]];
    writer.publish(interfaces, pictures[0]!);
    const program = `
      import { parentPort, workerData } from "node:worker_threads";
      const { HomesReader } = await import(workerData.room);
      const reader = new HomesReader(workerData.buffer);
      let looks = 0, wrong = 0;
      parentPort.postMessage("looking");
      const stop = new Int32Array(workerData.stop);
      while (Atomics.load(stop, 0) === 0) {
        looks++;
        if (reader.homeOf(0, 0, 0xffff, 77) !== 7 || reader.kindOf(7) !== 1) wrong++;
      }
      parentPort.postMessage({ looks, wrong });`;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
      workerData: { buffer, stop: stop.buffer, room: new URL("homes.ts", import.meta.url).href },
    });
    await once(worker, "message");
    for (let round = 0; round < 500; round++) writer.publish(interfaces, pictures[round & 1]!);
    Atomics.store(stop, 0, 1);
    const [{ looks, wrong }] = (await once(worker, "message")) as [{ looks: number; wrong: number }];
    await worker.terminate();
    expect(wrong).toBe(0);
    expect(looks).toBeGreaterThan(100);
  });
});
