/** In a pod: the service account's files. Tokens live an hour and CAs are exchanged; both are read again as they change. */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type Access, type Credentials, openRotatingAccess } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { openConnections } from "./transport.ts";

/** Where kubelet puts them. */
const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** client-go's period: kubelet renews a token at 80 % of its life. */
const REREAD_MS = 60_000;

export interface PodAccessOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  host: string;
  port: string;
  folder?: string | undefined;
  clock: Clock;
  log: Log;
}

/** Rejects where the files cannot be read at the start; later the last good ones stay in use, with a warning. */
export function openPodAccess({ host, port, folder = SERVICE_ACCOUNT_FOLDER, clock, log }: PodAccessOptions): Promise<Access> {
  const origin = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return openRotatingAccess({
    origin,
    pathPrefix: "",
    read: () => readFiles(folder),
    open: (settings) => openConnections(origin, settings),
    rereadMs: REREAD_MS,
    monotonicMs: () => clock.monotonicMs(),
    onReadError: (error) => log.warn({ err: error }, "the service account's files cannot be read again, going on with what was read before"),
  });
}

async function readFiles(folder: string): Promise<Credentials> {
  const [token, ca] = await Promise.all([readText(join(folder, "token")), readText(join(folder, "ca.crt"))]);
  return { headers: { authorization: `Bearer ${token}` }, settings: { ca }, identity: token, trust: ca };
}

async function readText(path: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`Cannot read ${path}, expected the service account's file: current value is ${code ?? message}`, { cause: error });
  }
  if (text === "") throw new Error(`Cannot use ${path}, expected the service account's file: current value is empty`);
  return text;
}
