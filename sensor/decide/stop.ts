/** The shared word that holds every injection back: each bit a reason, so that one may end while another goes on. */
export const Stop = {
  No: 0,
  /** A person's emergency stop on this node. */
  Emergency: 1,
  /** The packets are of a capture file. */
  Replay: 2,
  /** The fleet observes only (SensorFleet's enforcement). */
  ObserveOnlyFleet: 4,
  /** No API server has confirmed the policies for longer than maxPolicyAge. */
  PolicyTooOld: 8,
} as const;

export type StopCause = (typeof Stop)[keyof typeof Stop];

/** Sets or clears one cause; true where that changed it. */
export function setStop(word: Int32Array, cause: StopCause, isOn: boolean): boolean {
  const before = isOn ? Atomics.or(word, 0, cause) : Atomics.and(word, 0, ~cause);
  return ((before & cause) !== 0) !== isOn;
}
