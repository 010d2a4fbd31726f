/** Values of options: commander calls these, and prints what they throw as wrong usage. */
import { InvalidArgumentError } from "commander";
import { parseListen } from "../sensor/report/mod.ts";

export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Give a number from ${minimum} to ${maximum}`);
  };
}

/** One of the words, in any case. */
export function oneOf(words: readonly string[]): (text: string) => string {
  return (text) => {
    const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Give one of ${words.join(", ")}`);
  };
}

/** Repeated options add up. */
export function ports(text: string, earlier: readonly number[] = []): number[] {
  return [...earlier, ...text.split(",").map(wholeNumber(1, 65_535))];
}

/** The text as it stands, once it looks like a duration; its bounds are crds' to judge. */
export function duration(text: string): string {
  if (/^([0-9]{1,9}(ms|s|m|h))+$/.test(text)) return text;
  throw new InvalidArgumentError("Give a duration such as 60s, 5m or 1h30m");
}

/** HOST:PORT, as it stands. */
export function listenAddress(text: string): string {
  return checkedAddress(text, "");
}

/** HOST:PORT or "none", as it stands. */
export function listenAddressOrNone(text: string): string {
  return text === "none" ? text : checkedAddress(text, "; or none");
}

function checkedAddress(text: string, more: string): string {
  try {
    parseListen(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}${more}`);
  }
}
