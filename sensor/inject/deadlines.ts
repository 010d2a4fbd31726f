/**
 * The next moment of each kill, in a binary heap over typed arrays: one deadline an id, moved in place.
 */

export class Deadlines {
  readonly #atMs: Float64Array;
  /** Heap of ids; `#place[id]` is the id's position + 1, 0 where it waits for nothing (zero pages stay untouched). */
  readonly #heap: Int32Array;
  readonly #place: Int32Array;
  #count = 0;

  constructor(capacity: number) {
    this.#atMs = new Float64Array(capacity);
    this.#heap = new Int32Array(capacity);
    this.#place = new Int32Array(capacity);
  }

  get size(): number {
    return this.#count;
  }

  /** The earliest deadline, `Infinity` where there is none. */
  nextMs(): number {
    return this.#count === 0 ? Infinity : this.#atMs[this.#heap[0]];
  }

  /** Sets or moves the one deadline of `id` (0 to capacity - 1). */
  set(id: number, atMs: number): void {
    let place = this.#place[id] - 1;
    if (place < 0) {
      place = this.#count++;
      this.#put(place, id);
    }
    this.#atMs[id] = atMs;
    this.#sink(this.#rise(place));
  }

  clear(id: number): void {
    const place = this.#place[id] - 1;
    if (place < 0) return;
    this.#place[id] = 0;
    this.#count--;
    if (place === this.#count) return;
    this.#put(place, this.#heap[this.#count]);
    this.#sink(this.#rise(place));
  }

  /** Takes one id whose deadline is at or before `nowMs`, earliest first; -1 where none is due. */
  take(nowMs: number): number {
    if (this.#count === 0) return -1;
    const id = this.#heap[0];
    if (this.#atMs[id] > nowMs) return -1;
    this.clear(id);
    return id;
  }

  #put(place: number, id: number): void {
    this.#heap[place] = id;
    this.#place[id] = place + 1;
  }

  #rise(from: number): number {
    let place = from;
    const id = this.#heap[place];
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#atMs[this.#heap[parent]] <= this.#atMs[id]) break;
      this.#put(place, this.#heap[parent]);
      place = parent;
    }
    this.#put(place, id);
    return place;
  }

  #sink(from: number): void {
    let place = from;
    const id = this.#heap[place];
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#atMs[this.#heap[child + 1]] < this.#atMs[this.#heap[child]]) child++;
      if (this.#atMs[this.#heap[child]] >= this.#atMs[id]) break;
      this.#put(place, this.#heap[child]);
      place = child;
    }
    this.#put(place, id);
  }
}
