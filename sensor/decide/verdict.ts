/** What is to happen with a flow. */
export const Verdict = {
  /** Nothing: a guard stands before it. */
  Suppress: 0,
  /** The connection is cut. */
  Reset: 1,
  /** The connection is refused in its handshake. */
  Refuse: 2,
  /** It would be cut, had injecting not been held back. */
  WouldReset: 3,
  WouldRefuse: 4,
} as const;

const NAMES = Object.keys(Verdict);

export function verdictName(verdict: number): string {
  return NAMES[verdict] ?? `Unknown${verdict}`;
}
