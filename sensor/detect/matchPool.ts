/**
 * What is remembered of a flow's matches: which contents of a signature were seen on which side, and which rules have
 * fired. Records stand in a fixed pool; a flow's chain hangs on Field.DetectMatch (low 16 bits: record + 1, 0 for
 * none). When the pool is full the oldest record is used again, and counted: its flow may then miss a signature of
 * several contents, or fire a rule twice.
 */
import { Field, FLOW_WORDS } from "../flow/mod.ts";
import { MATCH_POOL_RECORDS, MAX_RECORDS_PER_FLOW } from "./limits.ts";
import type { FlowRecords } from "./records.ts";

const RECORD_WORDS = 7;
const Slot = 0;
/** Signature number, or ~rule where the record says that the rule has fired. */
const Key = 1;
/**
 * Contents seen, one bit each, of the initiator's bytes and of the responder's. Where a rule has fired: its signature,
 * counted from the rule's first; the side in the lowest bit and the confidence above it.
 */
const Seen0 = 2;
/** Next record of the same flow, -1 for none. Of a free record: the next free one. */
const Next = 4;
/** Neighbours by age, -1 for none. */
const Older = 5;
const Newer = 6;
const HANDLE = 0xffff;

export class MatchPool {
  readonly #flows: Int32Array;
  readonly #records: Int32Array;
  readonly #capacity: number;
  #used = 0;
  #free = -1;
  #untouched = 0;
  #oldest = -1;
  #newest = -1;
  /** Records taken from a flow that still had them, because the pool was full. */
  reused = 0;
  /** Records refused to a flow that had MAX_RECORDS_PER_FLOW. */
  refused = 0;

  /** At most 65,534 records. */
  constructor(flows: FlowRecords, capacity = MATCH_POOL_RECORDS) {
    this.#flows = flows.words;
    this.#capacity = Math.min(capacity, HANDLE - 1);
    this.#records = new Int32Array(this.#capacity * RECORD_WORDS);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get size(): number {
    return this.#used;
  }

  /** The flow's record of `key`, -1 where there is none. */
  find(slot: number, key: number): number {
    for (let record = this.first(slot); record >= 0; record = this.next(record)) {
      if (this.key(record) === key) return record;
    }
    return -1;
  }

  /** The flow's record of `key`, made where there is none; -1 where the flow has too many. */
  obtain(slot: number, key: number): number {
    let count = 0;
    for (let record = this.first(slot); record >= 0; record = this.next(record)) {
      if (this.key(record) === key) return record;
      count++;
    }
    if (count >= MAX_RECORDS_PER_FLOW) {
      this.refused++;
      return -1;
    }
    const record = this.#take();
    const at = record * RECORD_WORDS;
    const records = this.#records;
    records[at + Slot] = slot;
    records[at + Key] = key;
    records[at + Seen0] = 0;
    records[at + Seen0 + 1] = 0;
    // After #take(), which may have unlinked a record of this very flow.
    records[at + Next] = this.first(slot);
    this.#setFirst(slot, record);
    records[at + Older] = this.#newest;
    records[at + Newer] = -1;
    if (this.#newest >= 0) records[this.#newest * RECORD_WORDS + Newer] = record;
    else this.#oldest = record;
    this.#newest = record;
    return record;
  }

  /** Gives all records of a flow back. */
  release(slot: number): void {
    for (let record = this.first(slot); record >= 0; ) {
      const next = this.next(record);
      this.#discard(record);
      record = next;
    }
    this.#flows[slot * FLOW_WORDS + Field.DetectMatch]! &= ~HANDLE;
  }

  /** Gives one record back. */
  remove(record: number): void {
    this.#unlink(record);
    this.#discard(record);
  }

  /** First record of a flow, -1 for none. */
  first(slot: number): number {
    const record = (this.#flows[slot * FLOW_WORDS + Field.DetectMatch]! & HANDLE) - 1;
    // A word that is not ours (a fresh record's -1) never leads into another flow's chain.
    return record >= 0 && record < this.#untouched && this.owns(slot, record) ? record : -1;
  }

  owns(slot: number, record: number): boolean {
    return this.#records[record * RECORD_WORDS + Slot] === slot;
  }

  next(record: number): number {
    return this.#records[record * RECORD_WORDS + Next]!;
  }

  key(record: number): number {
    return this.#records[record * RECORD_WORDS + Key]!;
  }

  rename(record: number, key: number): void {
    this.#records[record * RECORD_WORDS + Key] = key;
  }

  /** Contents seen on that side with these added. */
  addSeen(record: number, side: number, contents: number): number {
    return (this.#records[record * RECORD_WORDS + Seen0 + side]! |= contents);
  }

  /** What a rule fired by, in its own record (key `~rule`). */
  setFired(record: number, signature: number, side: number, confidence: number): void {
    this.#records[record * RECORD_WORDS + Seen0] = signature;
    this.#records[record * RECORD_WORDS + Seen0 + 1] = (confidence << 1) | side;
  }

  firedSignature(record: number): number {
    return this.#records[record * RECORD_WORDS + Seen0]!;
  }

  firedSide(record: number): number {
    return this.#records[record * RECORD_WORDS + Seen0 + 1]! & 1;
  }

  firedConfidence(record: number): number {
    return this.#records[record * RECORD_WORDS + Seen0 + 1]! >>> 1;
  }

  /** The oldest record in use, -1 for none; `newer` goes on from it. */
  oldest(): number {
    return this.#oldest;
  }

  newer(record: number): number {
    return this.#records[record * RECORD_WORDS + Newer]!;
  }

  #take(): number {
    if (this.#free < 0 && this.#untouched === this.#capacity) {
      this.reused++;
      this.remove(this.#oldest);
    }
    this.#used++;
    if (this.#free < 0) return this.#untouched++;
    const record = this.#free;
    this.#free = this.#records[record * RECORD_WORDS + Next]!;
    return record;
  }

  #discard(record: number): void {
    const records = this.#records;
    const at = record * RECORD_WORDS;
    const older = records[at + Older]!;
    const newer = records[at + Newer]!;
    if (older >= 0) records[older * RECORD_WORDS + Newer] = newer;
    else this.#oldest = newer;
    if (newer >= 0) records[newer * RECORD_WORDS + Older] = older;
    else this.#newest = older;
    records[at + Slot] = -1;
    records[at + Next] = this.#free;
    this.#free = record;
    this.#used--;
  }

  #unlink(record: number): void {
    const slot = this.#records[record * RECORD_WORDS + Slot]!;
    if (this.first(slot) === record) {
      this.#setFirst(slot, this.next(record));
      return;
    }
    for (let before = this.first(slot); before >= 0; before = this.next(before)) {
      if (this.next(before) !== record) continue;
      this.#records[before * RECORD_WORDS + Next] = this.next(record);
      return;
    }
  }

  #setFirst(slot: number, record: number): void {
    const at = slot * FLOW_WORDS + Field.DetectMatch;
    this.#flows[at] = (this.#flows[at]! & ~HANDLE) | (record + 1);
  }
}
