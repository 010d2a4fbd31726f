/** What waits for the operator at most. */

export const MAX_KEPT_RESETS = 1_024;
export const MAX_KEPT_FLOWS = 20_000;
export const MAX_KEPT_INCIDENTS = 256;
/** Flows of one post over all FlowResets: a body stays far below what the operator takes. */
export const MAX_POSTED_FLOWS = 1_000;
/** What was posted and not acknowledged for so long is posted again. */
export const REPEAT_MS = 30_000;

/** From a result to its post, so that the flows of one FlowReset share it. */
export const RESULT_QUIET_MS = 50;
/** Until an operator has said how often it wants to hear. */
export const FIRST_PAUSE_MS = 10_000;
export const POST_TIMEOUT_MS = 10_000;
export const FIRST_BACKOFF_MS = 500;
export const LONGEST_BACKOFF_MS = 30_000;
/** A replica that does not lead names another, which may have just stopped leading. */
export const MAX_REDIRECTS = 3;
export const MAX_REPLY_BYTES = 64 << 10;
/** Shorter bodies gain nothing. */
export const GZIP_FROM_BYTES = 2_048;
