/** What is said of policies: to the log when it is new, to metrics and status whenever they ask. */
import { formatRemark } from "../crds/mod.ts";
import type { PolicySnapshot } from "./policy/mod.ts";
import type { CompiledRound } from "./policyKeeper.ts";
import type { Logger, PolicyLoadState } from "./report/mod.ts";

export class PolicyReport {
  readonly #log: Logger;
  #told = new Set<string>();
  #state: PolicyLoadState = { loaded: 0, broken: 0, generation: 0, lastLoadSeconds: 0 };
  #notes = new Map<string, string>();
  /** Settings that were written cannot be read, and never could: nothing is enforced. */
  settingsMissing = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  get state(): PolicyLoadState {
    return this.#state;
  }

  /** What a policy's object was told, by its identity. */
  messageOf(identity: string): string | undefined {
    return this.#notes.get(identity);
  }

  /** Each remark is logged when it first appears, not with every load. */
  onSnapshot(snapshot: PolicySnapshot, round: CompiledRound): void {
    const remarks: [string, "error" | "warn"][] = [
      ...snapshot.problems.map((problem): [string, "error"] => [formatRemark(problem), "error"]),
      ...snapshot.notes.map((note): [string, "warn"] => [formatRemark(note), "warn"]),
      ...round.notes.map(({ object, severity, field, message }): [string, "error" | "warn"] => [`${object}: ${field}: ${message}`, severity === "Error" ? "error" : "warn"]),
    ];
    for (const [text, level] of remarks) if (!this.#told.has(text)) this.#log[level](text);
    for (const file of snapshot.stale) {
      const text = `Keeping the last good version in force: current file is ${file}`;
      if (!this.#told.has(text)) this.#log.warn(text);
      remarks.push([text, "warn"]);
    }
    this.#told = new Set(remarks.map(([text]) => text));
    this.#notes = new Map(round.notes.map(({ object, field, message }) => [object, `${field}: ${message}`]));
    this.settingsMissing = snapshot.withheld.some(({ kinds }) => kinds.includes("SensorSettings"));
    if (this.settingsMissing) this.#log.error("Mend the settings to enforce again: every policy observes until then");
    const broken = snapshot.stale.length + snapshot.withheld.length;
    this.#state = { loaded: round.compiled.policyCount, broken, generation: round.generation, lastLoadSeconds: Date.now() / 1000 };
  }
}
