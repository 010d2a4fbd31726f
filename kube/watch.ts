/** One watch: a stream of lines, each an object that came, changed or went, or a bookmark. */
import type { KubeClient } from "./client.ts";
import { describe, watchCall } from "./exchange.ts";
import { KubeError, readStatus } from "./kubeError.ts";
import { LineSplitter, LineTooLong } from "./lines.ts";
import { type KubeObject, withoutManagedFields } from "./object.ts";
import type { Resource } from "./resources.ts";

/** An object is stored in at most 1.5 MB; as JSON with escapes it is a few times as much. */
const MAX_LINE_BYTES = 8 * 1_024 * 1_024;
/** The server ends each watch within this time, at random so that not all come back at once; client-go's own figures. */
const SHORTEST_S = 300;
const LONGEST_S = 600;
/** Bookmarks come about once a minute: a watch more silent than this is dead, whatever the connection says. */
const SILENCE_MS = 90_000;
/** For a server that does not keep its own end. */
const OVERTIME_MS = 30_000;

export interface WatchOptions {
  client: KubeClient;
  resource: Resource;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion: string;
  signal: AbortSignal;
  onOpen(): void;
  /** Anything was heard. */
  onContact(): void;
  onObject(type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject): void;
  /** Everything up to this version was told. */
  onVersion(resourceVersion: string): void;
}

/** Resolves when the server ends the watch in good order; rejects with KubeError otherwise (410, reason Expired: list anew). */
export async function watch(options: WatchOptions): Promise<void> {
  const { client, resource, namespace, labelSelector, fieldSelector, resourceVersion, signal } = options;
  const { clock, counters } = client;
  const timeoutSeconds = Math.round(SHORTEST_S + clock.random() * (LONGEST_S - SHORTEST_S));
  const query = { labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks: true, timeoutSeconds };
  const stream = await client.openWatch(resource, namespace, query, { signal });
  options.onOpen();

  const fail: Fail = (status, reason, message, more = {}) => new KubeError({ ...describe(watchCall(resource, namespace)), status, reason, message, ...more });
  let silent = false;
  const giveUp = (): void => {
    silent = true;
    stream.cut();
  };
  const stop = (): void => stream.cut();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const cancelEnd = clock.timer(timeoutSeconds * 1_000 + OVERTIME_MS, giveUp);
  let cancelSilence = clock.timer(SILENCE_MS, giveUp);
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  try {
    for await (const chunk of stream.chunks) {
      cancelSilence();
      cancelSilence = clock.timer(SILENCE_MS, giveUp);
      options.onContact();
      for (const line of splitter.push(chunk)) readLine(line, options, fail);
    }
    if (splitter.pendingBytes > 0) throw fail(0, "Unreachable", `the watch ended within a line, after ${splitter.pendingBytes} bytes of it`);
  } catch (error) {
    if (error instanceof KubeError) throw error;
    if (error instanceof LineTooLong) {
      counters.badLines++;
      throw fail(0, "BadLine", error.message, { cause: error });
    }
    if (!silent) throw fail(0, "Unreachable", (error as Error).message, { cause: error });
  } finally {
    cancelSilence();
    cancelEnd();
    signal.removeEventListener("abort", stop);
    stream.cut();
  }
  if (silent) {
    counters.silentWatches++;
    throw fail(0, "Timeout", `nothing was heard for ${SILENCE_MS / 1_000} s, or the watch did not end in its time`);
  }
}

type Fail = (status: number, reason: string, message: string, more?: { cause?: unknown; retryAfterMs?: number | undefined }) => KubeError;

function readLine(line: Buffer, options: WatchOptions, fail: Fail): void {
  let event: { type?: unknown; object?: KubeObject };
  try {
    event = JSON.parse(line.toString("utf8")) as typeof event;
  } catch (error) {
    options.client.counters.badLines++;
    throw fail(0, "BadLine", `a line of the watch is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const { type, object } = event;
  if (type === "ERROR") {
    const code = Number((object as { code?: unknown } | undefined)?.code ?? 500);
    const { reason, message, retryAfterMs } = readStatus(code, JSON.stringify(object ?? null));
    throw fail(code, reason, message, { retryAfterMs });
  }
  const version = object?.metadata?.resourceVersion;
  if (object === undefined || version === undefined || (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED" && type !== "BOOKMARK")) {
    options.client.counters.badLines++;
    throw fail(0, "BadLine", `a line of the watch is no event: ${line.toString("utf8", 0, 100)}`);
  }
  if (type !== "BOOKMARK") options.onObject(type, withoutManagedFields(object));
  options.onVersion(version);
}
