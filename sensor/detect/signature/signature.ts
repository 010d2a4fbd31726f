/** One signature as its text says it, ready to be compiled. */
import type { RangeSet } from "../ranges.ts";

export interface Content {
  /** Never empty. Lower case where `nocase`. */
  readonly bytes: Uint8Array;
  /** ASCII letters match in either case. */
  readonly nocase: boolean;
}

export interface FlowRequirement {
  /** The handshake must be complete. */
  readonly established: boolean;
  /** Only bytes that the client (`ToServer`) or the server (`ToClient`) sends. */
  readonly direction: "Any" | "ToServer" | "ToClient";
}

export interface Signature {
  readonly sid: number;
  readonly rev: number;
  readonly msg: string;
  /** Who sends the bytes, and to whom; with `bidirectional` also the other way round. */
  readonly source: RangeSet;
  readonly sourcePorts: RangeSet;
  readonly destination: RangeSet;
  readonly destinationPorts: RangeSet;
  readonly bidirectional: boolean;
  readonly flow: FlowRequirement;
  /** All must be found in the stream of one side, in any order. Never empty. */
  readonly contents: readonly Content[];
  readonly text: string;
}
