/**
 * Flows and their bytes to findings: which rule fired on which flow.
 *
 * **Invariant:** the first matching byte fires, wherever the segments end; a rule fires at most once a connection
 * (short of a full pool, which is counted); bytes from the network never throw and never allocate.
 *
 * It must not know what a finding leads to: policies, modes, exemptions and budgets are decide's.
 */
export { type AddressTable, buildAddressTable, rowOfAddress, signTurned } from "./addresses.ts";
export { type ConnectionSpec, DetectionBuilder, type DetectionOptions, type RuleSpec } from "./build.ts";
export { cidrsToRanges } from "./cidr.ts";
export type { CompiledDetection } from "./compiled.ts";
export { Detector, DetectPhase } from "./detector.ts";
export { Finding } from "./finding.ts";
export { identityOf } from "./identity.ts";
export type { InterfaceDescription, InterfaceSet } from "./interfaces.ts";
export * from "./limits.ts";
export { ANYTHING, has, RowTable, SetList, type SetReserve } from "./membership.ts";
export { addressIsOf, isHomeOf, isPodAddress, isPodInterface, leavesOnly, mayBeUnknownPod, MAX_OWNERS, NO_OWNERS, onlyHomeOf, Owner, ownerOfSide, type OwnerTable, placeOfSide } from "./owners.ts";
export { portsToRanges, portTableBuilder, type PortTable } from "./ports.ts";
export { ALL_ADDRESSES, ALL_PORTS, intersect, keyOf, type RangeSet, subtract } from "./ranges.ts";
export type { FlowRecords } from "./records.ts";
export { sharedDoubles, sharedWords } from "./sharedTable.ts";
export { Fault, parseSignature, type Signature } from "./signature/mod.ts";
