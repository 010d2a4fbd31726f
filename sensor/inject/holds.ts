/**
 * Holds: new connections of the same client to the same server and port are refused until a deadline. Open
 * addressing over typed arrays; a hold that has run out makes room when somebody passes by. A hold may be about one
 * interface: then it is that pod's, and the next one with its address is free of it. Several may hold the same, and
 * none of them can end what another does: who is held must not lift it by a hold of his own.
 */
import type { Packet } from "../decode/mod.ts";

const WORDS = 9;
const MAX_PROBES = 32;
/** A full table looks for holds that have run out this often: looking costs a walk over all of it. */
const SWEEP_PAUSE_MS = 1_000;

/** `refuse()` found no hold. */
export const NOT_HELD = -2;

/** Client address (4 words), server address (4 words), server port. */
export type HoldKey = Int32Array;

export class HoldTable {
  readonly #slots: number;
  readonly #limit: number;
  readonly #refusalsPerHold: number;
  #keys: Int32Array;
  #untilMs: Float64Array;
  #refusals: Int32Array;
  /** Index of the policy that asked, + 2: -1 is a hold without one, and 0 here a free place. */
  #policy: Int32Array;
  /** Interface at which the connection must show, 0 for any. */
  #interface: Int32Array;
  /** Who may end it before its time; 0: nobody but who writes the policy. */
  #owner: Int32Array;
  readonly #seed: number;
  #count = 0;
  #sweptMs = -Infinity;
  /** Holds that found no place. */
  refused = 0;
  /** Connections that a hold would have refused, had it not spent its refusals. */
  exhausted = 0;

  constructor(limit: number, refusalsPerHold: number, seed: number) {
    this.#limit = limit;
    this.#refusalsPerHold = refusalsPerHold;
    this.#seed = seed | 0;
    this.#slots = 1 << (32 - Math.clz32(Math.max(limit, 8) * 2 - 1));
    this.#keys = new Int32Array(this.#slots * WORDS);
    this.#untilMs = new Float64Array(this.#slots);
    this.#refusals = new Int32Array(this.#slots);
    this.#policy = new Int32Array(this.#slots);
    this.#interface = new Int32Array(this.#slots);
    this.#owner = new Int32Array(this.#slots);
  }

  /** Places taken, those of holds that have run out since the last sweep among them. */
  get count(): number {
    return this.#count;
  }

  /**
   * Holds, or prolongs what this policy or owner holds at that interface: what others hold between the same ends is
   * theirs, and stays when this ends. False when the table is full: counted. `interfaceIndex` 0: wherever the connection
   * shows. `owner` may end it: see releaseOwner().
   */
  add(key: HoldKey, untilMs: number, policy: number, nowMs: number, interfaceIndex = 0, owner = 0): boolean {
    const own = this.#find(key, policy, interfaceIndex, owner);
    if (own >= 0) {
      // One that has run out is made anew, with refusals of its own.
      if (this.#untilMs[own] <= nowMs) this.#take(own, key, untilMs, policy, interfaceIndex, owner);
      else this.#untilMs[own] = Math.max(this.#untilMs[own], untilMs);
      return true;
    }
    if (this.#count >= this.#limit) this.#sweep(nowMs);
    const place = this.#place(key, nowMs);
    if (place < 0 || (this.#policy[place] === 0 && this.#count >= this.#limit)) {
      this.refused++;
      return false;
    }
    this.#take(place, key, untilMs, policy, interfaceIndex, owner);
    return true;
  }

  /**
   * Of a connection that shows at that interface: the policy of the longest hold on it (-1 where it named none), or
   * NOT_HELD.
   */
  refuse(key: HoldKey, nowMs: number, interfaceIndex = 0): number {
    if (this.#count === 0) return NOT_HELD;
    let longest = -1;
    let isExhausted = false;
    let place = this.#hash(key);
    for (let probe = 0; probe < MAX_PROBES && this.#policy[place] !== 0; probe++, place = (place + 1) & (this.#slots - 1)) {
      if (this.#untilMs[place] <= nowMs || !this.#matches(key, place)) continue;
      if (this.#interface[place] !== 0 && this.#interface[place] !== interfaceIndex) continue;
      if (this.#refusals[place] >= this.#refusalsPerHold) isExhausted = true;
      else if (longest < 0 || this.#untilMs[place] > this.#untilMs[longest]) longest = place;
    }
    if (longest < 0) {
      if (isExhausted) this.exhausted++;
      return NOT_HELD;
    }
    this.#refusals[longest]++;
    return this.#policy[longest] - 2;
  }

  /** True where a hold on this connection is about that interface. */
  isAt(key: HoldKey, interfaceIndex: number): boolean {
    let place = this.#hash(key);
    for (let probe = 0; probe < MAX_PROBES && this.#policy[place] !== 0; probe++, place = (place + 1) & (this.#slots - 1)) {
      if (this.#interface[place] === interfaceIndex && this.#matches(key, place)) return true;
    }
    return false;
  }

  /** Ends the holds on it before their time; true where there was one. */
  release(key: HoldKey): boolean {
    let isFound = false;
    let place = this.#hash(key);
    for (let probe = 0; probe < MAX_PROBES && this.#policy[place] !== 0; probe++, place = (place + 1) & (this.#slots - 1)) {
      if (!this.#matches(key, place)) continue;
      // The place stays taken, and free for the next key that comes by: a hole would cut a probe sequence short.
      this.#untilMs[place] = -Infinity;
      isFound = true;
    }
    return isFound;
  }

  /** Ends what one owner holds. */
  releaseOwner(owner: number): void {
    if (this.#count === 0) return;
    for (let place = 0; place < this.#slots; place++) if (this.#policy[place] !== 0 && this.#owner[place] === owner) this.#untilMs[place] = -Infinity;
  }

  /** Ends what policies hold (nobody else may end that) that may hold nothing any more. */
  releasePolicies(mayHold: (policy: number) => boolean): void {
    if (this.#count === 0) return;
    for (let place = 0; place < this.#slots; place++) {
      if (this.#policy[place] !== 0 && this.#owner[place] === 0 && !mayHold(this.#policy[place] - 2)) this.#untilMs[place] = -Infinity;
    }
  }

  /** Ends what is about an interface that is gone: the kernel may give its number to another. */
  releaseInterfaces(isThere: (interfaceIndex: number) => boolean): void {
    if (this.#count === 0) return;
    for (let place = 0; place < this.#slots; place++) {
      if (this.#policy[place] !== 0 && this.#interface[place] !== 0 && !isThere(this.#interface[place])) this.#untilMs[place] = -Infinity;
    }
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweptMs + SWEEP_PAUSE_MS) return;
    this.#sweptMs = nowMs;
    const keys = this.#keys;
    const untilMs = this.#untilMs;
    const refusals = this.#refusals;
    const policy = this.#policy;
    const interfaces = this.#interface;
    const owner = this.#owner;
    this.#interface = new Int32Array(this.#slots);
    this.#owner = new Int32Array(this.#slots);
    this.#keys = new Int32Array(keys.length);
    this.#untilMs = new Float64Array(this.#slots);
    this.#refusals = new Int32Array(this.#slots);
    this.#policy = new Int32Array(this.#slots);
    this.#count = 0;
    for (let old = 0; old < this.#slots; old++) {
      if (policy[old] === 0 || untilMs[old] <= nowMs) continue;
      const key = keys.subarray(old * WORDS, (old + 1) * WORDS);
      const place = this.#place(key, nowMs);
      if (place < 0) continue;
      this.#take(place, key, untilMs[old], policy[old] - 2, interfaces[old], owner[old]);
      this.#refusals[place] = refusals[old];
    }
  }

  #take(place: number, key: HoldKey, untilMs: number, policy: number, interfaceIndex: number, owner: number): void {
    if (this.#policy[place] === 0) this.#count++;
    this.#keys.set(key, place * WORDS);
    this.#untilMs[place] = untilMs;
    this.#refusals[place] = 0;
    this.#policy[place] = policy + 2;
    this.#interface[place] = interfaceIndex;
    this.#owner[place] = owner;
  }

  /** What the owner, or where there is none the policy, holds at that interface; -1 for nothing. */
  #find(key: HoldKey, policy: number, interfaceIndex: number, owner: number): number {
    let place = this.#hash(key);
    for (let probe = 0; probe < MAX_PROBES && this.#policy[place] !== 0; probe++, place = (place + 1) & (this.#slots - 1)) {
      const isOurs = this.#owner[place] === owner && (owner !== 0 || this.#policy[place] === policy + 2);
      if (isOurs && this.#interface[place] === interfaceIndex && this.#matches(key, place)) return place;
    }
    return -1;
  }

  /** A place for a new key: one whose hold has run out, else a free one; -1 for none within reach. */
  #place(key: HoldKey, nowMs: number): number {
    let place = this.#hash(key);
    for (let probe = 0; probe < MAX_PROBES; probe++, place = (place + 1) & (this.#slots - 1)) {
      if (this.#policy[place] === 0 || this.#untilMs[place] <= nowMs) return place;
    }
    return -1;
  }

  #matches(key: HoldKey, place: number): boolean {
    const base = place * WORDS;
    for (let word = 0; word < WORDS; word++) if (this.#keys[base + word] !== key[word]) return false;
    return true;
  }

  #hash(key: HoldKey): number {
    let hash = this.#seed;
    for (let word = 0; word < WORDS; word++) {
      hash = Math.imul(hash ^ key[word], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (this.#slots - 1);
  }
}

/** The key of a SYN: its client, its server and the server's port. */
export function fillHoldKey(key: HoldKey, packet: Packet): void {
  key[0] = packet.source0;
  key[1] = packet.source1;
  key[2] = packet.source2;
  key[3] = packet.source3;
  key[4] = packet.destination0;
  key[5] = packet.destination1;
  key[6] = packet.destination2;
  key[7] = packet.destination3;
  key[8] = packet.destinationPort;
}
