/**
 * Detection resets what was seen alive: both sides, each acknowledging the other, or one side whose acknowledgements
 * advanced twice; or a SYN. A single forged packet moves none of these. Of two tuples (NAT) whose initial sequence
 * numbers made them one connection, either may show it: a local client is seen under the one tuple only.
 */
import { FlowFlag } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

const ALIVE = FlowFlag.BothWays | FlowFlag.AckAdvanced0 | FlowFlag.AckAdvanced1;

export function alive({ flags, twinFlags, handshake }: Question): Reason | 0 {
  return handshake || ((flags | twinFlags) & ALIVE) !== 0 ? 0 : Reason.NotSeenAlive;
}
