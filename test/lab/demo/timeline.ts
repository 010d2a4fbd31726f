/** How the demo is told on a terminal: a timeline as it goes, then a table. Colours only where a person looks. */
import { styleText } from "node:util";
import { bytesText, duration } from "./story.ts";
import type { Story } from "./story.ts";
import { terminalWidth, wrap } from "./wrap.ts";

/** Column where what happens stands, behind when and who. */
const TEXT_COLUMN = 20;

const HEADINGS = ["scene", "seen by", "RST left", "passed", "both dead", "outcome"] as const;
const SEEN_BY = 1;
const NUMBERS: readonly number[] = [2, 3, 4];
const OUTCOME = 5;
const FRONT: readonly number[] = [0, SEEN_BY, ...NUMBERS];
const GAP = "  ";

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
    this.#print("");
    for (const line of wrap(text, terminalWidth())) this.#print(this.#style("bold", line));
  }

  paragraph(text: string): void {
    for (const line of wrap(text, terminalWidth())) this.#print(line);
  }

  /** As it stands. */
  plain(text: string): void {
    this.#print(text);
  }

  line(who: string, text: string): void {
    const stamp = `${this.seconds.toFixed(1).padStart(6)} s  ${who.padEnd(8)}`;
    this.#beside(this.#style("dim", stamp.padEnd(TEXT_COLUMN)), wrap(text, terminalWidth() - TEXT_COLUMN));
  }

  verdict({ ok, story, error }: Row): void {
    const mark = ok ? this.#style(["green", "bold"], "ok") : this.#style(["red", "bold"], "FAILED");
    const lines = wrap(story?.text ?? error ?? "", terminalWidth() - TEXT_COLUMN).map((line) => this.#style("bold", line));
    this.#beside(`${" ".repeat(10)}${mark}${" ".repeat(ok ? 8 : 4)}`, lines);
  }

  /** The first line behind `margin`, the others below it. */
  #beside(margin: string, lines: readonly string[]): void {
    lines.forEach((line, index) => this.#print(`${index === 0 ? margin : " ".repeat(TEXT_COLUMN)}${line}`));
  }

  table(rows: readonly Row[]): void {
    const cells = rows.map(({ letter, name, ok, story }) => [
      `(${letter}) ${name}`, story?.seen || "-",
      story?.rstLeftUs === undefined ? "-" : duration(story.rstLeftUs),
      story?.passedBytes === undefined ? "-" : bytesText(story.passedBytes),
      story?.deadUs === undefined ? "-" : duration(story.deadUs),
      ok ? [story!.outcome, story!.reason].filter((word) => word !== undefined).join(", ") : "FAILED",
    ]);
    this.#print("");
    this.#tell([HEADINGS, ...cells], (row, text) => (row === 0 ? this.#style("underline", text) : rows[row - 1]!.ok ? text : this.#style("red", text)));
    this.#print("");
    this.paragraph("Counted from the trigger, which itself has passed: the packet with the bad byte, the SYN, or the file in its place.");
  }

  /** Where the terminal is narrow the policy is left out, and the outcome takes several lines. */
  #tell(table: readonly (readonly string[])[], style: (row: number, text: string) => string): void {
    const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    const widthOf = (columns: readonly number[]): number => columns.reduce((sum, column) => sum + widths[column]! + GAP.length, 0);
    const isWide = widthOf([...FRONT, OUTCOME]) - GAP.length <= terminalWidth();
    const front = isWide ? FRONT : FRONT.filter((column) => column !== SEEN_BY);
    for (const [row, cells] of table.entries()) {
      const margin = front.map((column) => (NUMBERS.includes(column) ? cells[column]!.padStart(widths[column]!) : cells[column]!.padEnd(widths[column]!)) + GAP).join("");
      const outcome = isWide ? [cells[OUTCOME]!] : wrap(cells[OUTCOME]!, terminalWidth() - margin.length);
      outcome.forEach((text, line) => this.#print(style(row, `${line === 0 ? margin : " ".repeat(margin.length)}${text}`.trimEnd())));
    }
  }
}
