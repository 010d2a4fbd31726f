/**
 * Which of several Workers sees a packet: one for each pair of addresses, both ways and at every interface, so that no
 * connection is split. An address translation changes one address of the pair, and leaves alone the one that is not of
 * this machine: where exactly one is not, that one decides, and both tuples meet in one Worker. (PACKET_FANOUT_HASH
 * had the two directions of 27 of 60 translated connections at different sockets; by interface every connection
 * between two pods has.) A pod's call to a service address that leads to a pod beside it is seen as two connections;
 * `decide` knows by their initial sequence numbers that they are one.
 *
 * Ports do not count: later fragments have none.
 */
import type { BpfAssembler } from "./bpf.ts";

/** Addresses of this machine and of what lives on it: IPv4 mapped, four words. */
export interface LocalPrefix {
  readonly words: ArrayLike<number>;
  /** Of the 128 bits. */
  readonly prefixLength: number;
}

export interface Share {
  readonly worker: number;
  readonly workers: number;
  /** The first LOCAL_PREFIX_LIMIT of each family count. */
  readonly local?: readonly LocalPrefix[];
}

/** So many find room in the kernel's filter beside the interfaces. */
export const LOCAL_PREFIX_LIMIT = 64;

/** Scratch words of the filter: a sum under way, and where the IP header begins. */
export const Scratch = { Sum: 0, NetworkHeader: 15 } as const;

const MAPPED_PREFIX_BITS = 96;
const MIX = 0x9e3779b1;
const MIXED_BITS_SHIFT = 16;

interface Family {
  readonly name: string;
  readonly source: number;
  readonly destination: number;
  readonly words: number;
  readonly prefixes: readonly LocalPrefix[];
}

/** The packet's IP header begins at scratch word NetworkHeader; goes to `to` where this Worker takes it, else drops it. */
export function keepShare(program: BpfAssembler, version: 4 | 6, { worker, workers, local = [] }: Share, to: string): void {
  const family = familyOf(version, local);
  const { name, source, destination } = family;
  program.loadIndexFromScratch(Scratch.NetworkHeader);
  jumpIfLocal(program, family, source, `from here ${name}`);
  jumpIfLocal(program, family, destination, `by source ${name}`);
  program.jump(`by both ${name}`);
  program.label(`from here ${name}`);
  jumpIfLocal(program, family, destination, `by both ${name}`);
  sum(program, family, [destination]);
  program.jump(`mix ${name}`);
  program.label(`by source ${name}`);
  sum(program, family, [source]);
  program.jump(`mix ${name}`);
  program.label(`by both ${name}`);
  sum(program, family, [source, destination]);
  program.label(`mix ${name}`);
  program.multiply(MIX);
  program.shiftRight(MIXED_BITS_SHIFT);
  program.modulo(workers);
  program.jumpIfEqual(worker, undefined, `others' ${name}`);
  program.jump(to);
  program.label(`others' ${name}`);
  program.keep(0);
}

/** The same in words: which Worker sees the packets between two addresses (four words each). */
export function workerOf(source: ArrayLike<number>, destination: ArrayLike<number>, workers: number, local: readonly LocalPrefix[]): number {
  const ofFamily = familyOf(source[0] === 0 && source[1] === 0 && source[2] === 0xffff ? 4 : 6, local);
  const isLocal = (address: ArrayLike<number>): boolean => ofFamily.prefixes.some((prefix) => holds(prefix, address));
  const [from, to] = [isLocal(source), isLocal(destination)];
  let sum = 0;
  for (let word = 4 - ofFamily.words; word < 4; word++) sum ^= (from && !to ? 0 : source[word]!) ^ (to && !from ? 0 : destination[word]!);
  return (Math.imul(sum, MIX) >>> MIXED_BITS_SHIFT) % workers;
}

function familyOf(version: 4 | 6, local: readonly LocalPrefix[]): Family {
  const isIpv4 = ({ words, prefixLength }: LocalPrefix): boolean => words[0] === 0 && words[1] === 0 && words[2] === 0xffff && prefixLength >= MAPPED_PREFIX_BITS;
  const prefixes = local.filter((prefix) => isIpv4(prefix) === (version === 4)).slice(0, LOCAL_PREFIX_LIMIT);
  return version === 4
    ? { name: "4", source: 12, destination: 16, words: 1, prefixes }
    : { name: "6", source: 8, destination: 24, words: 4, prefixes };
}

function holds({ words, prefixLength }: LocalPrefix, address: ArrayLike<number>): boolean {
  for (let word = 0; word < 4; word++) {
    const bits = Math.min(32, prefixLength - 32 * word);
    if (bits <= 0) return true;
    if ((words[word]! ^ address[word]!) >>> (32 - bits) !== 0) return false;
  }
  return true;
}

function jumpIfLocal(program: BpfAssembler, { words: count, prefixes }: Family, at: number, to: string): void {
  for (const { words, prefixLength } of prefixes) {
    const next = `after ${program.length}`;
    for (let word = 0; word < count; word++) {
      const bits = Math.min(32, prefixLength - 32 * (word + 4 - count));
      if (bits <= 0) break;
      program.loadWordAtIndex(at + 4 * word);
      const mask = bits === 32 ? -1 : ~(-1 >>> bits);
      if (mask !== -1) program.and(mask >>> 0);
      program.jumpIfEqual((words[word + 4 - count]! & mask) >>> 0, undefined, next);
    }
    program.jump(to);
    program.label(next);
  }
}

/** A := all words of these addresses, one XOR the other: the same whichever is first. */
function sum(program: BpfAssembler, { words }: Family, addresses: readonly number[]): void {
  const offsets = addresses.flatMap((at) => Array.from({ length: words }, (_, word) => at + 4 * word));
  for (const [i, offset] of offsets.entries()) {
    if (i > 0) program.storeScratch(Scratch.Sum);
    program.loadWordAtIndex(offset);
    if (i === 0) continue;
    program.loadIndexFromScratch(Scratch.Sum);
    program.xorIndex();
    program.loadIndexFromScratch(Scratch.NetworkHeader);
  }
}
