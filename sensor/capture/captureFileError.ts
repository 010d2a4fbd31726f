/** A capture file that cannot be read, or not to its end. What came before `offset` was delivered. */
export class CaptureFileError extends Error {
  override readonly name = "CaptureFileError";
  /** Bytes from the start of the (unpacked) capture. */
  readonly offset: number;
  constructor(message: string, offset: number, cause?: unknown) {
    super(`${message} at byte ${offset}`, cause === undefined ? undefined : { cause });
    this.offset = offset;
  }
}
