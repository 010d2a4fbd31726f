/** How the demo is told on a terminal: a timeline as it goes, then a table. Colours only where a person looks. */
import { styleText } from "node:util";
import { bytesText, duration } from "./story.ts";
import type { Story } from "./story.ts";

export interface Row {
  readonly letter: string;
  readonly name: string;
  readonly ok: boolean;
  readonly story?: Story;
  /** What did not happen. */
  readonly error?: string;
}

export class Timeline {
  readonly #isSilent: boolean;
  readonly #coloured = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
  readonly #startedMs = performance.now();

  constructor(isSilent: boolean) {
    this.#isSilent = isSilent;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #style(style: Parameters<typeof styleText>[0], text: string): string {
    return this.#coloured ? styleText(style, text) : text;
  }

  #print(text: string): void {
    if (!this.#isSilent) console.log(text);
  }

  heading(text: string): void {
    this.#print(`\n${this.#style("bold", text)}`);
  }

  plain(text: string): void {
    this.#print(text);
  }

  line(who: string, text: string): void {
    const stamp = `${this.seconds.toFixed(1).padStart(6)} s  ${who.padEnd(8)}`;
    this.#print(`${this.#style("dim", stamp)}  ${text}`);
  }

  verdict({ ok, story, error }: Row): void {
    const mark = ok ? this.#style(["green", "bold"], "ok") : this.#style(["red", "bold"], "FAILED");
    this.#print(`${" ".repeat(10)}${mark}${" ".repeat(ok ? 8 : 4)}${this.#style("bold", story?.text ?? error ?? "")}`);
  }

  table(rows: readonly Row[]): void {
    const cells = rows.map(({ letter, name, ok, story }) => [
      `(${letter}) ${name}`, story?.seen ?? "",
      story?.rstLeftUs === undefined ? "-" : duration(story.rstLeftUs),
      story?.passedBytes === undefined ? "-" : bytesText(story.passedBytes),
      story?.deadUs === undefined ? "-" : duration(story.deadUs),
      ok ? [story!.outcome, story!.reason].filter((word) => word !== undefined).join(", ") : "FAILED",
    ]);
    const all = [["scene", "seen by", "RST left", "passed", "both dead", "outcome"], ...cells];
    const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    const isNumber = (column: number): boolean => column >= 2 && column <= 4;
    this.#print("");
    for (const [index, row] of all.entries()) {
      const text = row.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join("  ").trimEnd();
      this.#print(index === 0 ? this.#style("underline", text) : rows[index - 1]!.ok ? text : this.#style("red", text));
    }
    this.#print("Counted from the trigger, which itself has passed: the packet with the bad byte, the SYN, or the file in its place.");
  }
}
