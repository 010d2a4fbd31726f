/** The limits of the room. What they refuse is counted (packet path) or named in a note (compile time). */

/**
 * States of one automaton. A flow keeps both automata's states of a side in one word, 16 bits each, of which the last
 * value is UNWANTED (scan.ts); a dense table of this many states is 32 MiB.
 */
export const MAX_AUTOMATON_STATES = 65_535;

/** Words of the row table of one membership table (64 MiB): rows times sets over 32. */
export const MAX_MEMBERSHIP_WORDS = 16 * 1024 * 1024;

/** Records of partial matches and of rules that have fired, for all flows of a Worker; a handle is 16 bits. */
export const MATCH_POOL_RECORDS = 32_768;

/** Records that one flow may hold. */
export const MAX_RECORDS_PER_FLOW = 256;

/** Findings that one packet can make. */
export const MAX_FINDINGS = 256;

/** Of a side that may be a pod's of which nobody has told: so many bytes are looked at for rules that may select it. */
export const MAX_UNKNOWN_BYTES = 65_536;

/** Tenants whose work is told apart; a power of two. Of more, some share a budget. */
export const MAX_TENANTS = 4_096;

/** Hits of contents that are followed for one tenant in a slice of time: at most about a tenth of a core. */
export const STEPS_PER_TENANT_AND_SLICE = 50_000;
export const STEP_SLICE_MS = 100;

/** Contents of one signature: their hits are the bits of one word. */
export const MAX_CONTENTS = 32;

/** Bytes of one content. */
export const MAX_CONTENT_BYTES = 1024;

/** Characters of one signature's text. */
export const MAX_SIGNATURE_CHARACTERS = 16_384;

/** Entries of an address or port list in a signature's header, nested lists counted, and how deep they nest. */
export const MAX_LIST_ENTRIES = 1024;
export const MAX_LIST_DEPTH = 8;
