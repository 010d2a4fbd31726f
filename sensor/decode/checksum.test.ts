import fc from "fast-check";
import { expect, test } from "vitest";
import { adds, finish, fold, sum, sumByWords, sumPseudoHeader } from "./checksum.ts";
import { hex } from "./frame.fixture.ts";
import { WordViews } from "./wordViews.ts";

/** RFC 1071, word by word, in arithmetic of any size. */
function naive(bytes: Uint8Array): number {
  let total = 0n;
  for (let index = 0; index < bytes.length; index += 2) total += BigInt((bytes[index]! << 8) | (bytes[index + 1] ?? 0));
  while (total > 0xffffn) total = (total & 0xffffn) + (total >> 16n);
  return Number(total);
}

test("sum() agrees with its naive twin for every offset, length and start", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(7), fc.nat(0xffff), (bytes, offset, partial) => {
      const first = Math.min(offset, bytes.length);
      const start = Uint8Array.of(partial >> 8, partial & 255, ...bytes.subarray(first));
      expect(fold(sum(bytes, first, bytes.length - first, partial))).toBe(naive(start));
    }),
  );
});

test("sumByWords() agrees with its naive twin wherever bytes, their buffer and the range begin and end", () => {
  const views = new WordViews();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 60, maxLength: 400 }), fc.nat(7), fc.nat(9), fc.nat(5), fc.nat(0xffff), (content, shift, offset, cut, partial) => {
      const bytes = new Uint8Array(new ArrayBuffer(content.length + shift), shift);
      bytes.set(content);
      const length = bytes.length - offset - cut;
      const wanted = naive(Uint8Array.of(partial >> 8, partial & 255, ...bytes.subarray(offset, offset + length)));
      expect(fold(sumByWords(bytes, views.of(bytes), offset, length, partial))).toBe(wanted);
    }),
  );
});

test("sumByWords() does not overflow on ones, short of a block and beyond it", () => {
  for (const length of [32_768, 32_770, 65_535]) {
    const bytes = new Uint8Array(length).fill(0xff);
    expect(fold(sumByWords(bytes, new WordViews().of(bytes), 0, length, 0xffff))).toBe(naive(bytes));
  }
});

test("WordViews keeps the views of two buffers apart", () => {
  const views = new WordViews();
  const [first, second, third] = [1, 2, 3].map((value) => new Uint8Array(8).fill(value)) as [Uint8Array, Uint8Array, Uint8Array];
  for (const bytes of [first, second, first, third, second, first]) expect(views.of(bytes)[1]).toBe(bytes[0]! * 0x01010101);
  expect(views.of(first)).toBe(views.of(first));
});

test("sum() does not overflow on half a megabyte of ones", () => {
  const bytes = new Uint8Array(524_289).fill(0xff);
  expect(fold(sum(bytes, 0, bytes.length, 0xffff))).toBe(naive(bytes));
});

test("finish() of the header of RFC 1071's example and of a known IPv4 header", () => {
  expect(finish(sum(hex("0001 f203 f4f5 f6f7"), 0, 8, 0))).toBe(0x220d);
  const header = hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7");
  expect(finish(sum(header, 0, 20, 0))).toBe(0xb861);
  header.set([0xb8, 0x61], 10);
  expect(adds(sum(header, 0, 20, 0))).toBe(true);
  header[3]!++;
  expect(adds(sum(header, 0, 20, 0))).toBe(false);
});

test("sumPseudoHeader() is the sum of the bytes that RFC 9293 and RFC 8200 name", () => {
  const word = fc.integer();
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word, word, word), fc.nat(0x1_ffff), (from, to, length) => {
      const view = new DataView(new ArrayBuffer(40));
      for (let index = 0; index < 4; index++) view.setInt32(index * 4, from[index]!);
      for (let index = 0; index < 4; index++) view.setInt32(16 + index * 4, to[index]!);
      view.setUint32(32, length);
      view.setUint32(36, 6);
      const [source0, source1, source2, source3] = from;
      const [destination0, destination1, destination2, destination3] = to;
      const pair = { source0, source1, source2, source3, destination0, destination1, destination2, destination3 };
      expect(sumPseudoHeader(pair, 6, length)).toBe(naive(new Uint8Array(view.buffer)));
    }),
  );
});
