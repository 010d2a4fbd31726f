/**
 * Whose a side of a flow is. An address alone says nothing: the next pod may get it, and a pod can forge it. A side is
 * a pod's where its packets come in by that pod's own interface, or, while it has sent none, where they leave by it
 * for that address. Interface numbers are never given twice, so a pair names one pod for ever.
 */
import { PacketDirection } from "../decode/mod.ts";
import { Field, SIDE_WORDS, SideField, TapInfo } from "../flow/mod.ts";
import { compareAddress } from "./addresses.ts";
import type { Membership } from "./membership.ts";
import { sharedWords } from "./sharedTable.ts";

/** Numbers of owners; a pod has one from Pod on, which stays its own while it and its labels stay. */
export const Owner = { Nobody: 0, Node: 1, FirstPod: 2 } as const;
/** Owner numbers are smaller: two of them and two marks are one word. */
export const MAX_OWNERS = 1 << 15;

/** Bits of rows: subject sets. */
export interface OwnerTable extends Membership {
  /** Four words each with the sign turned, sorted; an address may stand twice, with two interfaces. */
  readonly addresses: Int32Array;
  /** Interface of each; 0: this machine's own, wherever it shows but on a pod's way in. */
  readonly interfaces: Int32Array;
  /** Owner of each. */
  readonly owners: Int32Array;
  /** By owner: row of bits; number of its namespace, -1 where no object of it asks. */
  readonly rows: Int32Array;
  readonly namespaces: Int32Array;
  /** Pods' interfaces, and all others that there are; sorted. One in neither is new, and may be a pod's. */
  readonly podInterfaces: Int32Array;
  readonly otherInterfaces: Int32Array;
  /** False where no rule asks whose a side is. */
  readonly isAsked: boolean;
}

/** Nobody is known, and no rule asks. */
export const NO_OWNERS: OwnerTable = {
  addresses: sharedWords([]),
  interfaces: sharedWords([]),
  owners: sharedWords([]),
  rows: sharedWords([0]),
  namespaces: sharedWords([-1]),
  podInterfaces: sharedWords([]),
  otherInterfaces: sharedWords([]),
  bits: new Uint32Array(new SharedArrayBuffer(4)),
  rowWords: 1,
  isAsked: false,
};

/** The owner of `side` of the flow whose record begins at `base`; Owner.Nobody where none is known. */
export function ownerOfSide(table: OwnerTable, words: Int32Array, base: number, side: number): number {
  const address = base + (side === 0 ? Field.InitiatorAddress : Field.ResponderAddress);
  const first = firstEntry(table, words, address);
  if (first < 0) return Owner.Nobody;
  const place = placeOfSide(words, base, side);
  for (let entry = first; entry < table.owners.length && isAt(table, entry, words, address); entry++) {
    const home = table.interfaces[entry]!;
    if (home === 0 ? !entersAtPod(table, words, base, side) : home === place) return table.owners[entry]!;
  }
  return Owner.Nobody;
}

/** Whether the side's address is a pod's of this node, wherever it was seen. */
export function isPodAddress(table: OwnerTable, words: Int32Array, base: number, side: number): boolean {
  const first = firstEntry(table, words, base + (side === 0 ? Field.InitiatorAddress : Field.ResponderAddress));
  return first >= 0 && table.owners[first]! >= Owner.FirstPod;
}

/** Whether the side's packets were seen where they leave the host, and so come from elsewhere. */
export function leavesOnly(words: Int32Array, base: number, side: number): boolean {
  const own = base + Field.Sides + side * SIDE_WORDS;
  const info = words[own + SideField.TapInfo]!;
  return words[own + SideField.Tap] !== 0 && !isInherited(info) && leaves(info);
}

/** Whether the address at `words[address]` is a pod's at that interface. */
export function isHomeOf(table: OwnerTable, words: Int32Array, address: number, interfaceIndex: number): boolean {
  const first = firstEntry(table, words, address);
  for (let entry = first; entry >= 0 && entry < table.owners.length && isAt(table, entry, words, address); entry++) {
    if (table.interfaces[entry] === interfaceIndex) return true;
  }
  return false;
}

/** The interface of the one pod that has the address at `words[address]`; 0 where none has it, or two. */
export function onlyHomeOf(table: OwnerTable, words: Int32Array, address: number): number {
  const first = firstEntry(table, words, address);
  if (first < 0 || (first + 1 < table.owners.length && isAt(table, first + 1, words, address))) return 0;
  return table.interfaces[first]!;
}

export function isPodInterface(table: OwnerTable, interfaceIndex: number): boolean {
  return includes(table.podInterfaces, interfaceIndex);
}

/** Whether an owner of the namespace has the side's address, at whatever interface. */
export function addressIsOf(table: OwnerTable, words: Int32Array, base: number, side: number, namespace: number): boolean {
  const address = base + (side === 0 ? Field.InitiatorAddress : Field.ResponderAddress);
  const first = firstEntry(table, words, address);
  for (let entry = first; entry >= 0 && entry < table.owners.length && isAt(table, entry, words, address); entry++) {
    if (table.namespaces[table.owners[entry]!] === namespace) return true;
  }
  return false;
}

/** Whether the side may be a pod's that nobody has told of yet. */
export function mayBeUnknownPod(table: OwnerTable, words: Int32Array, base: number, side: number): boolean {
  if (leavesOnly(words, base, side)) return false;
  const place = placeOfSide(words, base, side);
  return place !== 0 && !includes(table.otherInterfaces, place);
}

/** Interface where the side's packets come in, or where it is sent to while it has sent none; 0 where unknown. */
export function placeOfSide(words: Int32Array, base: number, side: number): number {
  const own = base + Field.Sides + side * SIDE_WORDS;
  if (words[own + SideField.Tap] !== 0 && !isInherited(words[own + SideField.TapInfo]!)) return words[own + SideField.Tap]!;
  const peer = base + Field.Sides + (side ^ 1) * SIDE_WORDS;
  const peerInfo = words[peer + SideField.TapInfo]!;
  return leaves(peerInfo) && !isInherited(peerInfo) ? words[peer + SideField.Tap]! : 0;
}

function entersAtPod(table: OwnerTable, words: Int32Array, base: number, side: number): boolean {
  const at = base + Field.Sides + side * SIDE_WORDS;
  return !leaves(words[at + SideField.TapInfo]!) && includes(table.podInterfaces, words[at + SideField.Tap]!);
}

/** Of an earlier connection, which may have been another pod's. */
function isInherited(tapInfo: number): boolean {
  return (tapInfo & TapInfo.Inherited) !== 0;
}

function leaves(tapInfo: number): boolean {
  return (tapInfo & TapInfo.DirectionMask) >>> TapInfo.DirectionShift === PacketDirection.Outgoing;
}

/** -1 where the address is nobody's. */
function firstEntry(table: OwnerTable, words: Int32Array, address: number): number {
  let low = 0;
  let high = table.owners.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAddress(table.addresses, middle, words, address) < 0) low = middle + 1;
    else high = middle;
  }
  return low < table.owners.length && isAt(table, low, words, address) ? low : -1;
}

function isAt(table: OwnerTable, entry: number, words: Int32Array, address: number): boolean {
  return compareAddress(table.addresses, entry, words, address) === 0;
}

function includes(sorted: Int32Array, value: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low] === value;
}
