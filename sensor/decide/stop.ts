/** The shared word that holds every injection back: what it is set to says why. */
export const Stop = {
  No: 0,
  /** A person's emergency stop. */
  Emergency: 1,
  /** The packets are of a capture file. */
  Replay: 2,
} as const;
