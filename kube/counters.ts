/** Plain counts for whoever renders metrics; this room knows no metrics library. */

export interface RequestCount {
  readonly verb: string;
  /** `pods`, `daemonsets.apps`. */
  readonly resource: string;
  /** HTTP status; 0 where no answer came. */
  readonly code: number;
  readonly count: number;
}

/** Verbs, resources and codes are few; more series than this would be a bug, and are counted as one. */
const MAX_SERIES = 2_000;

export class KubeCounters {
  /** Watches that ended and were opened again, for whatever reason. */
  watchRestarts = 0;
  /** Whole lists after the first one of each Reflector. */
  relists = 0;
  /** Watches broken off because they were silent for too long. */
  silentWatches = 0;
  /** Lines of a watch that were longer than the limit or no JSON. */
  badLines = 0;
  /** Exceptions out of the callers' handlers. */
  handlerErrors = 0;
  eventsSent = 0;
  eventsFailed = 0;
  /** Events not sent because there were too many of them. */
  eventsDropped = 0;
  /** Unix time in ms of the last answer of any kind; 0: none yet. */
  lastContactMs = 0;
  readonly #requests = new Map<string, { verb: string; resource: string; code: number; count: number }>();

  countRequest(verb: string, resource: string, code: number): void {
    const key = `${verb} ${resource} ${code}`;
    const found = this.#requests.get(key);
    if (found !== undefined) found.count++;
    else if (this.#requests.size < MAX_SERIES) this.#requests.set(key, { verb, resource, code, count: 1 });
  }

  requests(): readonly RequestCount[] {
    return [...this.#requests.values()];
  }
}
