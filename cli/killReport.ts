/** What `flowreset kill` says: a table of the connections and one line in words, or JSON lines as they come. */
import type { ResetDone, ResetFlow, ResetLine } from "../sensor/control/mod.ts";
import { formatEndpoint } from "./endpoint.ts";
import { ExitCode } from "./exitCode.ts";
import { printable } from "./printable.ts";
import { formatMicroseconds } from "./quantity.ts";
import { paint } from "./style.ts";
import type { Colour } from "./style.ts";
import type { Surroundings } from "./surroundings.ts";
import { tableLines } from "./table.ts";
import type { Column } from "./table.ts";

const COLOURS: Readonly<Record<ResetFlow["outcome"], Colour>> = {
  Confirmed: "green",
  Unconfirmed: "yellow",
  Evaded: "red",
  Failed: "red",
  WouldReset: "dim",
};

export class KillReport {
  /** Connections that the request named; undefined until the sensor has looked. */
  matched: number | undefined;
  readonly flows: ResetFlow[] = [];
  done: ResetDone | undefined;
  readonly #surroundings: Surroundings;
  readonly #json: boolean;

  constructor(surroundings: Surroundings, json: boolean) {
    this.#surroundings = surroundings;
    this.#json = json;
  }

  add(line: ResetLine): void {
    if (this.#json) this.#surroundings.stdout.write(`${JSON.stringify(line)}\n`);
    if (line.type === "matched") this.matched = line.count;
    else if (line.type === "flow") this.flows.push(line);
    else this.done = line;
  }

  print(): void {
    if (this.#json) return;
    const { stdout, stderr } = this.#surroundings;
    if (this.flows.length > 0) stdout.write(`${tableLines(this.#columns(), this.flows).join("\n")}\n`);
    stderr.write(`${printable(this.#summary())}\n`);
  }

  #columns(): Column<ResetFlow>[] {
    const { stdout, env } = this.#surroundings;
    return [
      { title: "CLIENT", value: ({ client }) => formatEndpoint(client) },
      { title: "SERVER", value: ({ server }) => formatEndpoint(server) },
      { title: "INTERFACE", value: (flow) => flow.interface || "-" },
      {
        title: "OUTCOME",
        value: ({ outcome }) => outcome,
        paint: (text, { outcome }) => paint(stdout, env, COLOURS[outcome], text),
      },
      { title: "REASON", value: ({ reason }) => reason || "-" },
      { title: "RSTS", right: true, value: ({ rsts }) => String(rsts) },
      {
        title: "PROVEN AFTER",
        right: true,
        value: ({ timeToConfirmedMicroseconds: us }) => (us === null ? "-" : formatMicroseconds(us)),
      },
    ];
  }

  #summary(): string {
    const { matched, flows, done } = this;
    const failed = done?.phase === "Failed" && done.reason !== "" ? `${done.reason}${done.message === "" ? "" : `: ${done.message}`}; ` : "";
    if (matched === undefined) return `${failed}the sensor gave no answer`;
    if (matched === 0) return `${failed}no connection matched; one that is silent is found only with both addresses and ports`;
    const count = (outcome: ResetFlow["outcome"]): number => flows.filter((flow) => flow.outcome === outcome).length;
    const parts = (["Confirmed", "Unconfirmed", "Evaded", "Failed", "WouldReset"] as const)
      .map((outcome) => [outcome, count(outcome)] as const)
      .filter(([, n]) => n > 0)
      .map(([outcome, n]) => `${n} ${outcome}`);
    const unknown = matched - flows.length;
    if (unknown > 0) parts.push(`${unknown} without an outcome`);
    return `${failed}${matched} matched: ${parts.join(", ")}`;
  }
}

/** Ok only when something matched and all of it is dead (or would have been reset, in a dry run). */
export function killExitCode({ matched, flows, done }: KillReport, dryRun: boolean): ExitCode {
  const wanted = dryRun ? "WouldReset" : "Confirmed";
  const all = matched !== undefined && matched > 0 && flows.length === matched && flows.every(({ outcome }) => outcome === wanted);
  return all && done?.phase === "Succeeded" ? ExitCode.Ok : ExitCode.Failed;
}
