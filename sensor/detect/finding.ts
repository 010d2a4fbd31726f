import { Field, FLOW_WORDS, FlowState } from "../flow/mod.ts";

/** What a detector says: which rule of the compiled policy fired on which flow. Reused, never kept. */
export class Finding {
  /** Index into CompiledPolicy's rules. */
  rule = -1;
  slot = -1;
  /** Generation of the slot when it fired: with `slot` it names the connection. */
  generation = 0;
  /** Side whose bytes or packet fired it (0 initiator, 1 responder). */
  side = 0;
  /** Index of the signature inside the compiled policy, -1 where no signature was part of it. */
  signature = -1;
  /** True at the SYN (the connection does not exist yet). */
  handshake = false;
  /** Confidence from 0 (low) to 2 (high): see Confidence in crds. */
  confidence = 2;
  /** It was said before, and is said again because what it asks for was held back: see Detector.again(). */
  isAgain = false;

  /** About the flow as it stands now. */
  set(words: Int32Array, slot: number, rule: number, signature: number, side: number, confidence: number, isAgain: boolean): void {
    const base = slot * FLOW_WORDS;
    this.rule = rule;
    this.slot = slot;
    this.generation = words[base + Field.Generation]!;
    this.side = side;
    this.signature = signature;
    this.handshake = words[base + Field.State]! < FlowState.Established;
    this.confidence = confidence;
    this.isAgain = isAgain;
  }
}
