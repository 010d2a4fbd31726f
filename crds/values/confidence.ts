/** How sure a detector is of its finding. Ordered: a finding counts where it reaches a policy's `minConfidence`. */
export const Confidence = { Low: 0, Medium: 1, High: 2 } as const;

/** Ordered from 0, as in Severity's names. */
export const Severity = { Info: 0, Low: 1, Medium: 2, High: 3, Critical: 4 } as const;
