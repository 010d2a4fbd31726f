/**
 * What is remembered of single flows beside the table. Each new note looks at the two oldest and drops those whose time
 * is over, so that what is kept follows what is alive and never grows to its limit with the dead.
 */
interface Note<T> {
  readonly slot: number;
  readonly generation: number;
  value: T;
}

const LOOKED_AT = 2;

export class FlowNotes<T> {
  readonly #notes = new Map<string, Note<T>>();
  readonly #limit: number;
  readonly #isOver: (slot: number, generation: number, value: T) => boolean;

  /** @param limit at which the oldest goes, whatever it is */
  constructor(limit: number, isOver: (slot: number, generation: number, value: T) => boolean) {
    this.#limit = limit;
    this.#isOver = isOver;
  }

  get size(): number {
    return this.#notes.size;
  }

  get(slot: number, generation: number): T | undefined {
    return this.#notes.get(keyOf(slot, generation))?.value;
  }

  set(slot: number, generation: number, value: T): void {
    this.#dropOver();
    if (this.#notes.size >= this.#limit) this.#notes.delete(this.#notes.keys().next().value!);
    this.#notes.set(keyOf(slot, generation), { slot, generation, value });
  }

  delete(slot: number, generation: number): void {
    this.#notes.delete(keyOf(slot, generation));
  }

  /** The others go behind the youngest, so that their turn comes again. */
  #dropOver(): void {
    let left = LOOKED_AT;
    for (const [key, note] of this.#notes) {
      if (left-- === 0) return;
      this.#notes.delete(key);
      if (!this.#isOver(note.slot, note.generation, note.value)) this.#notes.set(key, note);
    }
  }
}

function keyOf(slot: number, generation: number): string {
  return `${slot}/${generation}`;
}
