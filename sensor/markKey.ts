/** The key of the mark on forged packets: sensors that share it know each other's. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { SensorError } from "./options.ts";
import type { SensorOptions } from "./options.ts";

const KEY = /^\s*([0-9a-f]{8})([0-9a-f]{8})\s*$/i;
const HINT = "make one with: openssl rand -hex 8";

export interface MarkKey {
  /** Two words. */
  readonly words: readonly number[];
  /** Why it is not the fleet's; undefined: it is, or there is no fleet. */
  readonly fault: string | undefined;
}

/**
 * A person's file must be good. That of a fleet may be absent or broken: a sensor with a key of its own still guards its
 * node, and of a connection between two nodes both sensors reset it. @throws SensorError BadInput
 */
export function chooseMarkKey({ cluster, markKeyFile }: Pick<SensorOptions, "cluster" | "markKeyFile">): MarkKey {
  const file = cluster?.markKeyFile;
  if (cluster === undefined || markKeyFile !== undefined) return { words: markKey(markKeyFile), fault: undefined };
  if (file === undefined) return { words: markKey(undefined), fault: "Name the fleet's mark key in MARK_KEY_FILE: current value is absent" };
  try {
    return { words: markKey(file), fault: undefined };
  } catch (error) {
    return { words: markKey(undefined), fault: (error as Error).message };
  }
}

/** Two words: those of the file (16 hexadecimal digits), random ones without a file. @throws SensorError BadInput */
export function markKey(file: string | undefined): number[] {
  if (file === undefined) return [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()];
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SensorError("BadInput", `Cannot read the mark key: ${(error as Error).message}`, HINT);
  }
  const found = KEY.exec(text);
  if (found === null) throw new SensorError("BadInput", `Cannot take the mark key in ${file}, expected 16 hexadecimal digits and nothing else`, HINT);
  return [Number.parseInt(found[1]!, 16) | 0, Number.parseInt(found[2]!, 16) | 0];
}
