/** The limits of the room. What they refuse is counted, or named in a note. */

/** Policies that one decision names beside the one that won. */
export const MAX_MATCHED_POLICIES = 32;

/** Rules that one decision names; those past it are only counted. */
export const MAX_FIRED_RULES = 32;

/** Decisions of one step: as many as there can be findings. */
export const MAX_DECISIONS = 256;

/** Findings that wait until their flow is seen alive; a power of two. */
export const MAX_WAITING = 1024;

/** Connections over budget that are looked at anew in one pause, and how long that is. */
export const RETRIES_PER_PAUSE = 64;
export const RETRY_PAUSE_MS = 100;

/** Buckets whose use is remembered, those of policies that are gone until it has faded; a power of two. */
export const MAX_BUCKETS = 32_768;

/** Sources whose share of a budget is remembered; a power of two. */
export const MAX_SOURCES = 4096;

/** Kills of one connection by detection, however many rules fire on it. */
export const MAX_KILLS_PER_CONNECTION = 4;

/** Connections whose kills are remembered; a power of two. */
export const MAX_COUNTED_CONNECTIONS = 4096;

/** Policies and FlowResets of one compiled policy. */
export const MAX_POLICIES = 10_000;
export const MAX_FLOW_RESETS = 10_000;

/**
 * Of one namespace: rules, bytes of the contents of its signatures, distinct sets of addresses (its rules' and its
 * policies' exemptions) and the ranges in them, and what it tells a second. A table of addresses has room for as many
 * rows times sets as two such namespaces would fill.
 */
export const MAX_RULES_PER_NAMESPACE = 1_000;
export const MAX_CONTENT_BYTES_PER_NAMESPACE = 8_192;
export const MAX_ADDRESS_SETS_PER_NAMESPACE = 2_048;
export const MAX_ADDRESS_RANGES_PER_NAMESPACE = 65_536;
export const EVENTS_PER_SECOND_PER_NAMESPACE = 50;

/** Pods of one node that are told apart; those beyond are nobody's. */
export const MAX_PODS = 4_096;

/** What the sensor of the client's node gets to act first. */
export const SECOND_ACTOR_DELAY_MS = 20;
