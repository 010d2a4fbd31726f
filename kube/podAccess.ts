/** In a pod: the service account's files. Tokens live an hour and CAs are exchanged; both are read again as they change. */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type Access, cutConnections, openConnections, retireConnections } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** Where kubelet puts them. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
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
export async function openPodAccess(options: PodAccessOptions): Promise<Access> {
  const { host, port, clock, log } = options;
  const folder = options.folder ?? SERVICE_ACCOUNT_FOLDER;
  const origin = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  let files = await readFiles(folder);
  let readAtMs = clock.monotonicMs();
  let connections = openConnections(origin, { ca: files.ca });
  let reading: Promise<boolean> | undefined;

  async function reread(): Promise<boolean> {
    readAtMs = clock.monotonicMs();
    try {
      const next = await readFiles(folder);
      const changed = next.token !== files.token || next.ca !== files.ca;
      if (next.ca !== files.ca) {
        retireConnections(connections);
        connections = openConnections(origin, { ca: next.ca });
        log.info({}, "the API server's CA has changed: new connections trust the new one");
      }
      files = next;
      return changed;
    } catch (error) {
      log.warn({ err: error }, "the service account's files cannot be read again, going on with what was read before");
      return false;
    }
  }

  /** One reading at a time, shared by all who wait for it. */
  function refresh(): Promise<boolean> {
    reading ??= reread().finally(() => (reading = undefined));
    return reading;
  }

  return {
    origin,
    pathPrefix: "",
    async current() {
      if (clock.monotonicMs() - readAtMs >= REREAD_MS) await refresh();
      return { connections, headers: { authorization: `Bearer ${files.token}` } };
    },
    refresh,
    close: () => cutConnections(connections),
  };
}

async function readFiles(folder: string): Promise<{ token: string; ca: string }> {
  const read = async (name: string): Promise<string> => {
    const path = join(folder, name);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw new Error(`Cannot read ${path}, expected the service account's file: current value is ${error.code ?? error.message}`, { cause: error });
    });
    if (text.trim() === "") throw new Error(`Cannot use ${path}, expected the service account's file: current value is empty`);
    return text.trim();
  };
  const [token, ca] = await Promise.all([read("token"), read("ca.crt")]);
  return { token, ca };
}
