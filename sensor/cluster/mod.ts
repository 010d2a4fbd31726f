/**
 * The sensor's half of a cluster: what it learns from the API server of policies and pods, and what it tells of itself.
 *
 * **Invariant:** a dead API server, a broken object or a damaged file takes nothing away that was good; a pod is an
 * interface of this node, never an address alone; whatever is kept is bounded, and what is dropped is counted.
 *
 * Must not know: packets, flows, Workers, the compiled form.
 */
export { ClusterMember } from "./member.ts";
export type { ClusterListeners, ClusterMemberOptions } from "./member.ts";
export type { ClusterReset } from "./resetQueue.ts";
export { ActedResets } from "./actedResets.ts";
export { HeldEndsFile } from "./heldEnds.ts";
export type { HeldEnds } from "./heldEnds.ts";
export { CLOCK_TOLERANCE_MS, OBJECT_MAX_AGE_MS } from "./limits.ts";
export type { EndedFlow, ResetResult } from "./resetResult.ts";
export { countsSince, directionsOf, isHalfBlind, parseInterfaceCounts } from "./coverage.ts";
export type { InterfaceCounts, SeenConnection } from "./coverage.ts";
export { machineStartMs } from "./machine.ts";
export { nodeStatus } from "./nodeStatus.ts";
export type { NodeFacts } from "./nodeStatus.ts";
export type { Pod as PodOfNode } from "./pod.ts";
export { NodeWriter } from "./nodeWriter.ts";
export { AnswerTurn } from "./answerTurn.ts";
export { SETTLE_MS } from "./observedVersion.ts";
export { OwnState } from "./ownState.ts";
export { ReportOutbox, ReportStream, streamTarget } from "./reportStream/mod.ts";
export type { Incident, OutboxFacts } from "./reportStream/mod.ts";
export { nodeUidOfToken } from "./tokenNode.ts";
export { readThrottling } from "./throttling.ts";
