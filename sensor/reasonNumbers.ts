/** Reasons of verdicts are words; metrics count by small numbers. 0 is "no guard stood in the way". */
import { Reason } from "./decide/mod.ts";

const WORDS = Object.values(Reason);
const NUMBERS = new Map<string, number>(WORDS.map((word, index) => [word, index + 1]));

export function verdictReasonNumber(reason: Reason | 0): number {
  return reason === 0 ? 0 : (NUMBERS.get(reason) ?? 255);
}

export function verdictReasonName(number: number): string {
  return number === 0 ? "" : (WORDS[number - 1] ?? "other");
}
