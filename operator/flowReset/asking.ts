/** Whose answer a FlowReset waits for: the sensors of the nodes that its addresses lead to, or all of them. */
import type { Sensor } from "../roster/mod.ts";

/** Nodes that must have seen every connection that matches; "all" where the addresses do not say. */
export type Whereabouts = readonly string[] | "all";

export interface Answers {
  /** Sensors whose answer was waited for, those that are not fresh included. */
  readonly asked: number;
  readonly answered: number;
  /** Fresh ones that have not answered. */
  readonly waitingFor: readonly string[];
  /** Nodes that were named and that no fresh sensor watches. */
  readonly unwatched: readonly string[];
}

/** Keeps count of the answers, so that a report costs the same however many sensors there are. */
export class Asking {
  readonly revision: number;
  readonly whereabouts: Whereabouts;
  readonly #nodes: Set<string>;
  readonly #missing: Set<string>;

  /** `revision`: the resource version at which the FlowReset was first seen here. */
  constructor(revision: number, whereabouts: Whereabouts, sensors: ReadonlyMap<string, Sensor>, isFresh: (node: string) => boolean) {
    this.revision = revision;
    this.whereabouts = whereabouts;
    this.#nodes = new Set(whereabouts === "all" ? [...sensors.keys()].filter(isFresh) : whereabouts);
    this.#missing = new Set([...this.#nodes].filter((node) => (sensors.get(node)?.flowResets ?? 0) < revision));
  }

  /** Of a sensor that has looked at everything up to `flowResets`. @returns whether it was the first or the last one. */
  hear(node: string, flowResets: number): boolean {
    if (flowResets < this.revision) return false;
    // One of which nothing was heard when all were asked.
    const isNewcomer = this.whereabouts === "all" && !this.#nodes.has(node);
    if (isNewcomer) this.#nodes.add(node);
    else if (!this.#missing.delete(node)) return false;
    return this.#missing.size === 0 || this.#missing.size === this.#nodes.size - 1;
  }

  /** Of a sensor that has told its result: that is an answer too. */
  hearResult(node: string): void {
    this.#missing.delete(node);
  }

  answers(isFresh: (node: string) => boolean): Answers {
    const waitingFor: string[] = [];
    const unwatched: string[] = [];
    for (const node of this.#missing) (isFresh(node) ? waitingFor : unwatched).push(node);
    return { asked: this.#nodes.size, answered: this.#nodes.size - this.#missing.size, waitingFor: waitingFor.toSorted(), unwatched: unwatched.toSorted() };
  }
}
