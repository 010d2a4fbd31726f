/** A kill already works on this connection, under this tuple or its other one: a second would only spend RSTs. */
import { Field } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function beingReset({ words, base, twinBase }: Question): Reason | 0 {
  const killed = words[base + Field.Kill]! >= 0 || (twinBase >= 0 && words[twinBase + Field.Kill]! >= 0);
  return killed ? Reason.AlreadyBeingReset : 0;
}
