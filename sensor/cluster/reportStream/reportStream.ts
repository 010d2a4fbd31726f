/** When reports are posted, where to, and what becomes of each answer. */
import { readFile } from "node:fs/promises";
import { readReply } from "../../../crds/stream/mod.ts";
import type { Log } from "../../../kube/mod.ts";
import { HttpsConnection } from "./httpsConnection.ts";
import type { PostAnswer } from "./httpsConnection.ts";
import { FIRST_BACKOFF_MS, FIRST_PAUSE_MS, LONGEST_BACKOFF_MS, MAX_REDIRECTS, RESULT_QUIET_MS } from "./limits.ts";
import type { OutboxFacts, ReportOutbox } from "./outbox.ts";
import { sameTarget } from "./target.ts";
import type { StreamTarget } from "./target.ts";

const PATH = "/v1/reports";
const SHOWN_ANSWER_LENGTH = 200;

export interface ReportStreamOptions {
  readonly outbox: ReportOutbox;
  readonly facts: () => OutboxFacts;
  /** Read anew for each post (the kubelet exchanges tokens); the first that can be read counts. */
  readonly tokenFiles: readonly string[];
  readonly log: Log;
  /** After each post: whether the operator takes reports. */
  readonly onState?: () => void;
}

/** Posts made and failed, so far. */
export interface StreamCounts {
  posts: number;
  failures: number;
  redirects: number;
}

export class ReportStream {
  readonly counts: StreamCounts = { posts: 0, failures: 0, redirects: 0 };
  /** Why the last post failed; undefined where it did not. */
  fault: string | undefined = "no operator is known yet";
  /** Of the last post that was taken, milliseconds since 1970; 0 for none. */
  lastTakenMs = 0;
  /** When that one was made, by performance.now(). */
  lastReportMs = -Infinity;
  readonly #options: ReportStreamOptions;
  readonly #ended = new AbortController();
  #target: StreamTarget | undefined;
  #connection: { readonly url: string; readonly https: HttpsConnection } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  #isPosting = false;
  /** Something came that must not wait for the next round. */
  #isUrgent = false;
  /** When something is to be said that need not be said at once. */
  #turnMs = Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #spreadMs = 0;
  #backoffMs = 0;
  #notBeforeMs = 0;

  constructor(options: ReportStreamOptions) {
    this.#options = options;
  }

  get isHeard(): boolean {
    return this.fault === undefined;
  }

  /** Over how long all sensors together say what each of them has to say, as the operator wants it. */
  get spreadMs(): number {
    return this.#spreadMs;
  }

  /** The operator says where it is; undefined: nowhere, results wait. */
  setTarget(target: StreamTarget | undefined): void {
    if (sameTarget(target, this.#target)) return;
    this.#target = target;
    this.#disconnect();
    this.#options.outbox.repeatAll();
    this.#notBeforeMs = this.#backoffMs = 0;
    if (target === undefined) this.fault = "no operator is known";
    else this.#postIn(RESULT_QUIET_MS + this.#turnOfReturnMs());
  }

  /** There is a result, or somebody waits for the observed version of this sensor. */
  poke(): void {
    this.#isUrgent = true;
    if (!this.#isPosting) this.#postIn(RESULT_QUIET_MS);
  }

  /** There is what all sensors have to say now. */
  pokeInTurn(): void {
    this.#turnMs = performance.now() + RESULT_QUIET_MS + Math.random() * this.#spreadMs;
    if (!this.#isPosting) this.#postIn(this.#turnMs - performance.now());
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#timer);
    this.#connection?.https.close();
  }

  #postIn(delayMs: number): void {
    if (this.#target === undefined || this.#ended.signal.aborted) return;
    const dueMs = Math.max(performance.now() + delayMs, this.#notBeforeMs);
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#post(), dueMs - performance.now());
    this.#timer.unref();
  }

  async #post(): Promise<void> {
    this.#dueMs = Infinity;
    this.#isPosting = true;
    this.#isUrgent = false;
    this.#turnMs = Infinity;
    try {
      await this.#send();
      this.#succeed();
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#fail(error as Error);
    }
    this.#isPosting = false;
    this.#options.onState?.();
    this.#postIn(this.#isUrgent ? RESULT_QUIET_MS : Math.min(this.#pauseMs, Math.max(0, this.#turnMs - performance.now())));
  }

  async #send(): Promise<void> {
    const { outbox, facts } = this.#options;
    const token = await this.#token();
    const madeMs = performance.now();
    const report = JSON.stringify(outbox.compose(facts(), Date.now()));
    const target = this.#target!;
    let url = this.#connection?.url ?? `${target.url}${PATH}`;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      this.counts.posts++;
      const answer = await this.#connect(url, target).post(report, token, this.#ended.signal);
      if (answer.status !== 307) return this.#read(answer, madeMs);
      url = redirected(answer, url);
      this.counts.redirects++;
    }
    throw new Error(`Cannot find the leading operator: more than ${MAX_REDIRECTS} replicas named another, the last is ${url}`);
  }

  #read({ status, text, retryAfterMs }: PostAnswer, madeMs: number): void {
    if (status !== 200) throw new Refusal(`The operator refuses reports: ${status} ${JSON.stringify(text.trim().slice(0, SHOWN_ANSWER_LENGTH))}`, retryAfterMs);
    const reading = readReply(parsed(text));
    if ("fault" in reading) throw new Refusal(`Cannot read the operator's answer: ${reading.fault}`, undefined);
    this.#options.outbox.acknowledge(reading.value.acknowledged);
    this.#pauseMs = reading.value.nextReportMs;
    this.#spreadMs = reading.value.answerSpreadMs;
    this.lastReportMs = madeMs;
  }

  #succeed(): void {
    if (this.fault !== undefined) this.#options.log.info({ url: this.#connection?.url }, "the operator takes reports");
    this.fault = undefined;
    this.lastTakenMs = Date.now();
    this.#backoffMs = this.#notBeforeMs = 0;
  }

  /** The replica may be gone, or lead no more: the next try goes to the service's address. */
  #fail(error: Error): void {
    const message = error.message === "" ? String((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
    this.counts.failures++;
    if (this.fault !== message) this.#options.log.warn({ err: error }, `reports are not taken: ${message}; results wait`);
    this.fault = message;
    this.#disconnect();
    this.#options.outbox.repeatAll();
    this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, this.#backoffMs * 2));
    const wantedMs = error instanceof Refusal ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(this.#backoffMs, Math.min(wantedMs, 10 * LONGEST_BACKOFF_MS)) * (0.75 + 0.5 * Math.random()) + this.#turnOfReturnMs();
    this.#notBeforeMs = performance.now() + waitMs;
    this.#isUrgent = true;
  }

  /** When an operator goes, all sensors look for the next one: who has a result comes first. */
  #turnOfReturnMs(): number {
    return this.#options.outbox.waiting > 0 ? 0 : Math.random() * this.#spreadMs;
  }

  #connect(url: string, target: StreamTarget): HttpsConnection {
    if (this.#connection?.url !== url) {
      this.#disconnect();
      this.#connection = { url, https: new HttpsConnection(url, target) };
    }
    return this.#connection!.https;
  }

  #disconnect(): void {
    this.#connection?.https.close();
    this.#connection = undefined;
  }

  async #token(): Promise<string> {
    let fault: Error | undefined;
    for (const file of this.#options.tokenFiles) {
      try {
        return (await readFile(file, "utf8")).trim();
      } catch (error) {
        fault = error as Error;
      }
    }
    throw new Error(`Cannot read a token for reports, expected one of ${this.#options.tokenFiles.join(", ")}: current failure is ${fault?.message ?? "no file is named"}`);
  }
}

/** An answer that is no success; a server may say how long to stay away. */
class Refusal extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs: number | undefined) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Only to HTTPS: the token goes with it. */
function redirected({ location = "" }: PostAnswer, from: string): string {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (url?.protocol !== "https:") throw new Error(`Cannot follow the operator's 307, expected an https address: current Location is ${JSON.stringify(location)}`);
  return url.href;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
