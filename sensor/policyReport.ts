/** What is said of policies: to the log when it is new, to metrics, readiness and status whenever they ask. */
import { formatRemark, identityOf } from "../crds/mod.ts";
import type { LoadedObject, Note } from "../crds/mod.ts";
import { settingsMissing } from "./policy/mod.ts";
import type { PolicySnapshot } from "./policy/mod.ts";
import type { CompiledRound } from "./policyKeeper.ts";
import type { Logger, PolicyLoadState } from "./report/mod.ts";

type Level = "error" | "warn";

export class PolicyReport {
  readonly #log: Logger;
  #told = new Set<string>();
  #state: PolicyLoadState = { loaded: 0, broken: 0, generation: 0, lastLoadSeconds: 0 };
  #messages = new Map<string, string>();
  #trouble: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  get state(): PolicyLoadState {
    return this.#state;
  }

  /** For readiness: why what people wrote cannot be known. One broken file among others is no such reason. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** What a policy's object was told, by its identity. */
  messageOf(identity: string): string | undefined {
    return this.#messages.get(identity);
  }

  /** Each remark is logged when it first appears, not with every load. */
  onSnapshot(snapshot: PolicySnapshot, round: CompiledRound): void {
    const remarks: [string, Level][] = [
      ...snapshot.problems.map((problem): [string, Level] => [formatRemark(problem), "error"]),
      ...snapshot.notes.map((note): [string, Level] => [formatRemark(note), "warn"]),
      ...round.notes.map(({ object, severity, field, message }): [string, Level] => [`${object}: ${field}: ${message}`, severity === "Error" ? "error" : "warn"]),
      ...snapshot.stale.map((file): [string, Level] => [`Keeping the last good version in force: current file is ${file}`, "warn"]),
    ];
    if (settingsMissing(snapshot)) remarks.push(["Mend the settings to enforce again: every policy observes until then", "error"]);
    for (const [text, level] of remarks) if (!this.#told.has(text)) this.#log[level](text);
    const mended = [...this.#told].filter((text) => !remarks.some(([remark]) => remark === text)).length;
    this.#told = new Set(remarks.map(([text]) => text));
    this.#messages = messagesOf(snapshot, round);
    const files = new Set([...snapshot.stale, ...snapshot.withheld.map(({ file }) => file)]);
    const broken = files.size + (snapshot.isReadable ? 0 : 1);
    this.#trouble = troubleOf(snapshot);
    const lastLoadSeconds = broken === 0 ? Date.now() / 1000 : this.#state.lastLoadSeconds;
    this.#state = { loaded: round.compiled.policyCount, broken, generation: round.generation, lastLoadSeconds };
    this.#log.info({ policies: round.compiled.policyCount, broken, mended, generation: round.generation }, "policies in force");
  }
}

function troubleOf(snapshot: PolicySnapshot): string | undefined {
  if (settingsMissing(snapshot)) return "the settings cannot be read: nothing is enforced";
  return snapshot.isReadable ? undefined : "the folder of policies cannot be read: what was in force stays";
}

function messagesOf(snapshot: PolicySnapshot, round: CompiledRound): Map<string, string> {
  const messages = new Map<string, string>();
  for (const note of snapshot.notes) {
    const object = objectOf(note, snapshot.objects);
    if (object !== undefined && !messages.has(identityOf(object))) messages.set(identityOf(object), `${note.field}: ${note.message}`);
  }
  // What the compiler says weighs more: that part does not work at all.
  for (const { object, field, message } of round.notes) messages.set(object, `${field}: ${message}`);
  return messages;
}

/** The object of whose lines a note speaks: the last of the file that begins at or before it. */
function objectOf({ file, line }: Note, objects: readonly LoadedObject[]): LoadedObject | undefined {
  return objects.findLast((object) => object.file === file && object.line <= line);
}
