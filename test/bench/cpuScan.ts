/**
 * Bytes a second a core that the literal search takes, with and without the skip table, beside what JavaScript has at
 * hand for it: one regular expression of all literals, and one indexOf for each. A program of its own, so that V8
 * meets nothing but this; it prints ScanSpeed[] as JSON.
 */
import type { CompiledDetection } from "../../sensor/detect/mod.ts";
import { build } from "../../sensor/detect/rules.fixture.ts";
import { StreamScan } from "../../sensor/detect/scan.ts";
import { Random } from "../fuzz/random.ts";
import { prose, word } from "./prose.ts";
import { LONG_ENOUGH_NS, threadTimeNs } from "./threadTime.ts";

export interface ScanSpeed {
  readonly way: string;
  readonly literals: string;
  /** One a run. */
  readonly megabytesPerSecond: readonly number[];
  readonly matches: number;
}

const SEED = 17;
const LITERALS = 200;
const TEXT_BYTES = 8 << 20;
const SEGMENT_BYTES = 1_448;
const RUNS = 9;
const WARM_UP_RUNS = 2;

const random = new Random(SEED);
const text = prose(random, TEXT_BYTES);
const latin1 = Buffer.from(text).toString("latin1");

/** One pass over the text; returns how often a literal ended. */
type Pass = () => number;

function scanning(literals: readonly string[], nocaseEvery: number, withSkip: boolean): Pass {
  const signatures = literals.map((literal, i) => `content:"${literal}"; ${i % nocaseEvery === nocaseEvery - 1 ? "nocase;" : ""}`);
  const built = build([{ signatures }]);
  const compiled = withSkip ? built : withoutSkip(built);
  let matches = 0;
  const scan = new StreamScan({ onExactMatch: () => matches++, onFoldedMatch: () => matches++ });
  scan.use(compiled);
  return () => {
    matches = 0;
    let state = 0;
    for (let at = 0; at < TEXT_BYTES; at += SEGMENT_BYTES) state = scan.run(state, text, at, Math.min(SEGMENT_BYTES, TEXT_BYTES - at));
    return matches;
  };
}

function withoutSkip(compiled: CompiledDetection): CompiledDetection {
  const { exact, folded } = compiled;
  return {
    ...compiled,
    exact: exact && { ...exact, automaton: { ...exact.automaton, skip: undefined } },
    folded: folded && { ...folded, automaton: { ...folded.automaton, skip: undefined } },
  };
}

function regularExpression(literals: readonly string[], flags: string): Pass {
  const pattern = new RegExp(literals.join("|"), flags);
  return () => {
    let matches = 0;
    pattern.lastIndex = 0;
    while (pattern.exec(latin1) !== null) matches++;
    return matches;
  };
}

function indexOfEach(literals: readonly string[]): Pass {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const wanted = literals.map((literal) => Buffer.from(literal, "latin1"));
  return () => {
    let matches = 0;
    for (const literal of wanted) for (let at = bytes.indexOf(literal); at >= 0; at = bytes.indexOf(literal, at + 1)) matches++;
    return matches;
  };
}

function measure(way: string, literals: string, pass: Pass, runs = RUNS): ScanSpeed {
  const megabytesPerSecond: number[] = [];
  let matches = 0;
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    const start = threadTimeNs();
    let passes = 0;
    let ns = 0;
    for (; ns < LONG_ENOUGH_NS; passes++, ns = threadTimeNs() - start) matches = pass();
    if (run >= WARM_UP_RUNS) megabytesPerSecond.push((TEXT_BYTES * passes * 1e3) / ns);
  }
  return { way, literals, megabytesPerSecond, matches };
}

/** Words of 8 to about 20 bytes, made of the text's own syllables. */
function manyLiterals(): string[] {
  const found = new Set<string>();
  while (found.size < LITERALS) {
    const candidate = word(random, 3 + random.below(5));
    if (candidate.length >= 8) found.add(candidate);
  }
  return [...found];
}

function report(): ScanSpeed[] {
  const literals = manyLiterals();
  const one = [literals[0]!];
  const exact = `${LITERALS}`;
  const mixed = `${LITERALS}, half of them nocase`;
  return [
    measure("FlowReset", "1", scanning(one, Infinity, true)),
    measure("FlowReset without the skip table", "1", scanning(one, Infinity, false)),
    measure("one RegExp", "1", regularExpression(one, "g")),
    measure("indexOf for each", "1", indexOfEach(one)),
    measure("FlowReset", exact, scanning(literals, Infinity, true)),
    measure("FlowReset without the skip table", exact, scanning(literals, Infinity, false)),
    measure("one RegExp", exact, regularExpression(literals, "g")),
    measure("indexOf for each", exact, indexOfEach(literals), 3),
    measure("FlowReset", mixed, scanning(literals, 2, true)),
    measure("FlowReset without the skip table", mixed, scanning(literals, 2, false)),
    measure("one RegExp, nocase", mixed, regularExpression(literals, "gi"), 3),
  ];
}

if (import.meta.main) console.log(JSON.stringify(report()));
