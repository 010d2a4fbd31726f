/** The literals of one automaton, and which contents of which signatures ask for them. */
import { AutomatonBuilder } from "./automaton.ts";
import type { LiteralTable } from "./compiled.ts";
import { identityOf } from "./identity.ts";
import { sharedWords } from "./sharedTable.ts";
import type { Content } from "./signature/mod.ts";

export class LiteralCollector {
  readonly #builder: AutomatonBuilder;
  readonly #uses: number[][] = [];
  #identity = "";

  constructor(folded: boolean, maximumStates: number | undefined) {
    this.#builder = new AutomatonBuilder(folded, maximumStates);
  }

  whyNot(contents: readonly Content[]): string | undefined {
    const mine = contents.filter(({ nocase }) => nocase === this.#builder.folded).map(({ bytes }) => bytes);
    if (this.#builder.fits(mine)) return undefined;
    const needed = this.#builder.statesFor(mine);
    return `Cannot hold so many contents: the automaton of ${this.#builder.stateCount} states would need ${needed} more`;
  }

  add(bytes: Uint8Array, use: number): void {
    const literal = this.#builder.add(bytes);
    (this.#uses[literal] ??= []).push(use);
    this.#identity += `${bytes.join(" ")},`;
  }

  build(): LiteralTable | undefined {
    const automaton = this.#builder.build();
    if (automaton === undefined) return undefined;
    const starts = [0];
    for (const uses of this.#uses) starts.push(starts.at(-1)! + uses.length);
    return { automaton, identity: sharedWords(identityOf(this.#identity)), useStart: sharedWords(starts), uses: sharedWords(this.#uses.flat()) };
  }
}

/** One word a literal: the scan in which it was last told. */
export function reportTable(table: LiteralTable | undefined): Int32Array {
  return new Int32Array(table === undefined ? 0 : table.useStart.length - 1);
}
