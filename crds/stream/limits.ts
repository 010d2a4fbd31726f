/** Named limits of the report stream. A sensor that has more to say says it in its next post. */

/** Body after decompression. */
export const MAX_REPORT_BYTES = 1 << 20;
export const MAX_REPORTED_FAILURES = 100;
export const MAX_REPORTED_COUNTERS = 1_024;
export const MAX_REPORTED_RESETS = 256;
export const MAX_FLOWS_OF_REPORT = 100;
export const MAX_REPORTED_INCIDENTS = 256;
