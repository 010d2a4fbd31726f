/**
 * The interfaces that a person named: says when one is not there (yet, or any more) and when it is back. Those that
 * nobody named come and go with pods, and nobody wants to read of each.
 */
import { interfaceMatches } from "../crds/mod.ts";
import type { SensorOptions } from "./options.ts";
import type { Logger } from "./report/mod.ts";

interface Present {
  readonly name: string;
  readonly up: boolean;
}

export class WatchedInterfaces {
  readonly #log: Logger;
  /** Names and globs. */
  readonly #wanted: readonly string[];
  readonly #captured: readonly string[];
  #missing = new Set<string>();
  #nothingToSee = false;

  constructor({ interfaces, captureOnly, inject }: Pick<SensorOptions, "interfaces" | "captureOnly" | "inject">, log: Logger) {
    this.#log = log;
    this.#captured = captureOnly === undefined ? interfaces : [captureOnly];
    this.#wanted = [...this.#captured, ...(inject === undefined || inject === "route" ? [] : [inject])];
  }

  onInterfaces(present: readonly Present[]): void {
    const isThere = (wanted: string): boolean => present.some(({ name, up }) => up && interfaceMatches(wanted, name));
    const missing = new Set(this.#wanted.filter((wanted) => !isThere(wanted)));
    for (const wanted of missing) if (!this.#missing.has(wanted)) this.#log.warn({ interface: wanted }, "interface is not there, or down: the others are watched, and this one when it is back");
    for (const wanted of this.#missing) if (!missing.has(wanted)) this.#log.info({ interface: wanted }, "interface is back");
    this.#missing = missing;
    this.#nothingToSee = this.#captured.length > 0 && this.#captured.every((wanted) => missing.has(wanted));
  }

  /** For readiness: why no packet can come. */
  get trouble(): string | undefined {
    return this.#nothingToSee ? `none of the interfaces to watch is there and up: ${this.#captured.join(" ")}` : undefined;
  }
}
