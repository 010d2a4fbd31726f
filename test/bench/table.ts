/** What a section of the benchmark gives: one table for people, the same rows for machines. */

export type Cell = string | number;

export interface Table {
  /** One word, the key in bench.json. */
  readonly key: string;
  readonly title: string;
  /** Unit in the name, as in "p50 us". */
  readonly columns: readonly string[];
  /** One cell a column; the first names the row. A peer, a limit or a goal is a row of its own or a column beside. */
  readonly rows: readonly (readonly Cell[])[];
  /** What a reader must know to read it: the load, the configuration, what was left out and why. */
  readonly notes: readonly string[];
}

/** Columns aligned, numbers to the right. */
export function render({ title, columns, rows, notes }: Table): string {
  const text = rows.map((row) => row.map(show));
  const widths = columns.map((column, i) => Math.max(column.length, ...text.map((row) => row[i]!.length)));
  const isNumber = columns.map((_, i) => i > 0 && rows.some((row) => typeof row[i] === "number"));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  ").trimEnd();
  return [`== ${title}`, line(columns), ...text.map(line), ...notes.map((note) => `   ${note}`), ""].join("\n");
}

/** Rows as objects keyed by column. */
export function asRecords({ columns, rows }: Table): Record<string, Cell>[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]!])));
}

/** Value below which the share `q` (0 to 1) of the samples lies, by the nearest rank; NaN of none. */
export function percentile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

function show(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "-";
  if (Number.isInteger(cell)) return String(cell);
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : Math.abs(cell) >= 10 ? cell.toFixed(1) : cell.toFixed(2);
}
