/**
 * inject: a verdict and a flow become RSTs on the wire, and the proof of what they did. `Injector` chases every
 * connection that it was given until both ends are dead or the budget is spent, asks each end by a keep-alive probe,
 * and tells one outcome for each. Packets go into an `Outbox` that the worker sends; nothing is sent here.
 *
 * **Invariant:** a kill touches the one connection that it was started for: a packet whose numbers are another
 * connection's on the same tuple is never answered, a RST never draws a RST, silence is never `Confirmed`, and no
 * kill spends more than its budget.
 *
 * It must not know: policies and rules (their numbers pass through), sockets, the clock, how an outcome is told.
 */
export { ERRNOS } from "./counters.ts";
export type { InjectCounters } from "./counters.ts";
export type { HoldKey } from "./holds.ts";
export { Injector } from "./injector.ts";
export type { InjectorOptions } from "./injector.ts";
export type { InjectLimits } from "./limits.ts";
export { Outbox, Route, SLOT_BYTES } from "./outbox.ts";
export { Outcome, OutcomeReason, OutcomeRecord, outcomeName, outcomeReasonName, proofName } from "./outcome.ts";
export { KillRequest, KillTarget, StartResult, UnseenTuple } from "./request.ts";
export type { InjectRoute } from "./route.ts";
