/** How sure a detector is of its finding. Ordered: a finding counts where it reaches a policy's `minConfidence`. */
export const Confidence = { Low: 0, Medium: 1, High: 2 } as const;
