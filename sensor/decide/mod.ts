/**
 * Findings and the compiled policy to verdicts with reasons. Start at decider.ts: the guards stand there in order.
 *
 * **Invariant:** Observe runs the same path to the end as Enforce; protection holds against every policy and every
 * FlowReset; a part of a policy that cannot work is named in a note and never makes the rest match more.
 *
 * It must not know how a reset is made, or whether it worked.
 */
export { createBudgets } from "./budgetMemory.ts";
export { Claims, createClaims } from "./claims.ts";
export { compile, type CompileInput, type CompileResult } from "./compile.ts";
export type { ProtectedCall, ProtectedConnection } from "./compileGuards.ts";
export { type CompiledPolicy, type FlowResetName, FlowResetField, type PolicyName, type PolicyNames, ResetTarget, type SignatureName } from "./compiled.ts";
export { narrowed } from "./compileFlowReset.ts";
export { Decider, type DeciderOptions } from "./decider.ts";
export { Decision } from "./decision.ts";
export { flowResetIsExact, flowResetMatches } from "./flowResetMatch.ts";
export { mayHold } from "./holdPlace.ts";
export * from "./limits.ts";
export type { CompileNote, PolicyObject } from "./note.ts";
export type { Protection } from "./protection.ts";
export { Reason } from "./reason.ts";
export { type ClusterView, OwnerNumbers, type PodIdentity } from "./subjects/mod.ts";
export { setStop, Stop, type StopCause } from "./stop.ts";
export { complaintOfSignature } from "./signatureComplaint.ts";
export { Verdict, verdictName } from "./verdict.ts";
