/** Errors of opening: what to do first, what was found last. */
import { getSystemErrorName } from "node:util";
import { loadNative } from "../native/mod.ts";

const CAP_NET_RAW = 13;

export class CaptureError extends Error {
  override readonly name = "CaptureError";
  /** The system's name of the failure, "EPERM"; "" where the system had no part in it. */
  readonly code: string;
  constructor(message: string, code = "", cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** True where this thread may open packet sockets. */
export function hasNetRaw(): boolean {
  return Math.floor(loadNative().effectiveCapabilities() / 2 ** CAP_NET_RAW) % 2 === 1;
}

/** What the native addon threw, in the words of the user. */
export function captureError(error: unknown): CaptureError {
  const errno = (error as { errno?: number }).errno ?? 0;
  const code = errno > 0 ? getSystemErrorName(-errno) : "";
  const message = error instanceof Error ? error.message : String(error);
  if ((code === "EPERM" || code === "EACCES") && !hasNetRaw()) {
    return new CaptureError(
      "Run as root, or give the right with `setcap cap_net_raw+ep` on node, or with capabilities.add NET_RAW in the pod: CAP_NET_RAW is missing",
      code,
      error,
    );
  }
  return new CaptureError(message, code, error);
}
