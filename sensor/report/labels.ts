/**
 * Names that become label values, interned once for the life of the process: the number goes to the Workers
 * beside the compiled policy, so that a counter keeps its meaning when policies come, change and go.
 */

/** Distinct policy names in one process; those past it share the label "other". */
export const MAX_LABELS = 512;

export const OTHER_LABEL = 0;

export class LabelTable {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = ["other"];

  /** The number of a name, always the same; OTHER_LABEL when the table is full. */
  intern(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#names.length === MAX_LABELS) return OTHER_LABEL;
    const number = this.#names.push(name) - 1;
    this.#numbers.set(name, number);
    return number;
  }

  name(number: number): string {
    return this.#names[number] ?? "other";
  }
}
