/** What detect and decide need of the flow table: its records, by the word layout of flow/record.ts. */
export interface FlowRecords {
  readonly words: Int32Array;
  /** On the same buffer. */
  readonly doubles: Float64Array;
  readonly capacity: number;
}
