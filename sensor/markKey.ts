/** The key of the mark on forged packets: sensors that share it know each other's. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { SensorError } from "./options.ts";

const KEY = /^\s*([0-9a-f]{8})([0-9a-f]{8})\s*$/i;
const HINT = "make one with: openssl rand -hex 8";

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
