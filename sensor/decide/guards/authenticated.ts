/** TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925): a RST without the secret is ignored, so none is sent. */
import { FlowFlag } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function authenticated({ flags }: Question): Reason | 0 {
  return (flags & FlowFlag.Authenticated) !== 0 ? Reason.Authenticated : 0;
}
