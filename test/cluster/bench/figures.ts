/** What a program says of itself in Prometheus' text form, read twice and subtracted. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Sums of counters by their labels, over the time between two readings. */
export class Figures {
  readonly #values = new Map<string, Series>();

  private constructor(series: Iterable<Series>) {
    for (const one of series) this.#values.set(keyOf(one), one);
  }

  /** Keeps the metrics whose name begins with one of `names`. */
  static read(text: string, names: readonly string[]): Figures {
    return new Figures(parseMetrics(text, names));
  }

  /** What was added since `earlier`; a series that was not there then counts from 0. */
  since(earlier: Figures): Figures {
    return new Figures([...this.#values.values()].map((one) => ({ ...one, value: one.value - (earlier.#values.get(keyOf(one))?.value ?? 0) })));
  }

  series(name: string): Series[] {
    return [...this.#values.values()].filter((one) => one.name === name);
  }

  /** Over the series of that name whose labels `fits` accepts. */
  sum(name: string, fits: (labels: Series["labels"]) => boolean = () => true): number {
    return this.series(name).reduce((sum, { labels, value }) => (fits(labels) ? sum + value : sum), 0);
  }
}

export function parseMetrics(text: string, names: readonly string[]): Series[] {
  const found: Series[] = [];
  for (const line of text.split("\n")) {
    if (!names.some((name) => line.startsWith(name))) continue;
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (match === null) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name!, value!]));
    found.push({ name: match[1]!, labels, value: Number(match[3]) });
  }
  return found;
}

function keyOf({ name, labels }: Series): string {
  return `${name} ${JSON.stringify(labels)}`;
}
