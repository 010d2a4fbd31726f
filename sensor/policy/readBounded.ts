/** A file's text, where it is a regular file of bounded size. Never waits: a FIFO in a policy folder is no trap. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { MAX_FILE_BYTES } from "../../crds/mod.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Throws an Error whose message is in the grammar of problems. */
export function readBounded(path: string): string {
  const descriptor = opened(path);
  try {
    const { size } = fstatSync(descriptor);
    if (!fstatSync(descriptor).isFile()) throw new Error("Cannot read the file, expected a regular file: current type is another");
    if (size > MAX_FILE_BYTES) throw new Error(`Cannot read so large a file, expected at most ${MAX_FILE_BYTES} bytes: current size is ${size}`);
    return decoded(readAtMost(descriptor, MAX_FILE_BYTES));
  } finally {
    closeSync(descriptor);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw new Error(`Cannot read the file, expected one that opens: current failure is ${codeOf(error)}`, { cause: error });
  }
}

/** Until the end or the limit, whatever the size was said to be (files of /proc say 0). */
function readAtMost(descriptor: number, limit: number): Uint8Array {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const length = readSync(descriptor, chunk, 0, chunk.length, null);
    if (length === 0) return Buffer.concat(chunks);
    total += length;
    if (total > limit) throw new Error(`Cannot read so large a file, expected at most ${limit} bytes: current size is more`);
    chunks.push(chunk.subarray(0, length));
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new Error("Cannot read the file, expected UTF-8: current bytes are not", { cause: error });
  }
}

/** The system's word for a failure, such as EACCES. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : String(error);
}
