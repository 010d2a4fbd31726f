/** Text in columns: as wide as they need, two spaces between, no lines. */
import { printable } from "./printable.ts";

export interface Column<Row> {
  title: string;
  /** Numbers stand to the right. */
  right?: boolean;
  value(row: Row): string;
  /** Applied after the width is known. */
  paint?(text: string, row: Row): string;
}

/** Facts one below the other, each behind its name. */
export function factLines(facts: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`);
}

/** Lines without trailing spaces, the header first. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row)).replaceAll("\n", " ")));
  const widths = columns.map(({ title }, c) => cells.reduce((width, row) => Math.max(width, row[c].length), title.length));
  const pad = (text: string, c: number): string => {
    if (columns[c].right === true) return text.padStart(widths[c]);
    return c === columns.length - 1 ? text : text.padEnd(widths[c]);
  };
  const lines = [columns.map(({ title }, c) => pad(title, c)).join("  ")];
  rows.forEach((row, r) => {
    const texts = cells[r].map((text, c) => {
      const padded = pad(text, c);
      return columns[c].paint?.(padded, row) ?? padded;
    });
    lines.push(texts.join("  ").trimEnd());
  });
  return lines;
}
