/** Where the fleet lets only some namespaces enforce, what others ask for is counted and not done. */
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function namespaceEnforced({ compiled, object }: Question): Reason | 0 {
  return compiled.guards.heldBack[object] === 1 ? Reason.NamespaceNotEnforced : 0;
}
