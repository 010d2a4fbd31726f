/**
 * Which FlowResets this sensor has acted on, by uid, on the node's disk: a sensor that starts again must not kill new
 * connections for an old request. A uid is added before the kill: one that a crash cut names nothing, or what was about
 * to be done.
 */
import { KeptLines } from "./keptLines.ts";
import { MAX_ACTED } from "./limits.ts";

export class ActedResets extends KeptLines {
  /** `directory` undefined: remembered in this process only. */
  constructor(directory: string | undefined, onFault: (error: Error) => void) {
    super({ directory, name: "acted", maximum: MAX_ACTED, longest: 64, onFault });
  }
}
