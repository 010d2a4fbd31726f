/**
 * What the values of a valid object mean: texts as numbers, words in their order, who it is, parts that do something.
 *
 * **Invariant:** no schema and no parser of documents is behind this door. A packet Worker comes through it, and each
 * Worker would hold them a second time.
 */
export { hasHostBits, MAX_CIDR_TEXT, parseAddress, parseCidr, splitCidr, wordMask, type Cidr } from "./address.ts";
export { Confidence } from "./confidence.ts";
export { DURATION_FORM, durationMs } from "./duration.ts";
export { identityOf } from "./identity.ts";
export { interfaceMatches } from "./interfaceGlob.ts";
export { isEmptySelector, selects, type Labels } from "./labelSelector.ts";
export { parsePortRange, PORT_RANGE_FORM, type PortRange } from "./portRange.ts";
export { RESERVED_DETECTORS, reservedParts, resetRuns, ruleRuns } from "./reserved.ts";
