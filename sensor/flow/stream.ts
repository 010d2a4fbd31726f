/**
 * Where the contiguous bytes of each side go. Calls come from within `FlowTracker.update`, in the order of the
 * stream; the bytes are valid during the call only. Only sides with FlowFlag.Inspect0 << side get bytes.
 */
export interface StreamSink {
  /** The next bytes of the stream. */
  onBytes(slot: number, side: number, bytes: Uint8Array, offset: number, length: number): void;
  /**
   * Bytes that compete with those of the stream: the losing copy of an overlap, or the segment with its urgent byte
   * still in place. Another receiver could have taken these; they are no part of the stream.
   */
  onAlternate(slot: number, side: number, bytes: Uint8Array, offset: number, length: number): void;
  /** Bytes are missing here: what follows does not touch what came before. */
  onGap(slot: number, side: number): void;
}

export const NULL_SINK: StreamSink = {
  onBytes() {},
  onAlternate() {},
  onGap() {},
};
