/** A kill already works on this flow: a second one would only spend RSTs. */
import { Field } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function beingReset({ words, base }: Question): Reason | 0 {
  return words[base + Field.Kill]! >= 0 ? Reason.AlreadyBeingReset : 0;
}
