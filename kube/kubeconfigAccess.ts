/**
 * Outside a pod: a kubeconfig, read by client-node, which knows exec plugins, OIDC, client certificates and proxies.
 * Its own HTTP is not used: it opens a connection a request, and knows only part of what this room needs.
 */
import { KubeConfig } from "@kubernetes/client-node";
import type { Agent } from "node:http";
import type { RequestOptions } from "node:https";
import { type Access, type Credentials, openRotatingAccess } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { type ConnectionSettings, type Connections, openConnections } from "./transport.ts";

export interface KubeconfigAccessOptions {
  /** Absent: KUBECONFIG, ~/.kube/config. */
  file: string | undefined;
  context: string | undefined;
  clock: Clock;
  log: Log;
}

/** Exec plugins and OIDC renew what has expired when asked; client-node remembers what is still good. */
const ASK_AGAIN_MS = 10_000;

/** Rejects where the kubeconfig cannot be used, or its plugin does not answer. */
export async function openKubeconfigAccess(options: KubeconfigAccessOptions): Promise<Access> {
  const { clock, log } = options;
  const config = load(options);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name).join(", ");
    throw new Error(`Cannot use the kubeconfig, expected a context with a cluster, one of ${known || "none"}: current value is ${config.getCurrentContext() || "none"}`);
  }
  const { origin, pathname } = new URL(cluster.server);
  let askedAgent: Agent | undefined;
  return openRotatingAccess({
    origin,
    pathPrefix: pathname.replace(/\/+$/, ""),
    read: async () => {
      const { credentials, agent } = await ask(config);
      askedAgent = agent;
      return credentials;
    },
    open: (settings) => open(origin, settings, cluster.proxyUrl, askedAgent),
    rereadMs: ASK_AGAIN_MS,
    monotonicMs: () => clock.monotonicMs(),
    onReadError: (error) => log.warn({ err: error }, "the kubeconfig's credentials cannot be renewed, going on with the last ones"),
  });
}

function load({ file, context }: KubeconfigAccessOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`Cannot read the kubeconfig, expected a file that kubectl takes: current value is ${file ?? "the default one"}, ${message}`, { cause: error });
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

async function ask(config: KubeConfig): Promise<{ credentials: Credentials; agent: Agent | undefined }> {
  const asked: RequestOptions = {};
  await config.applyToHTTPSOptions(asked);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = asked;
  const settings = withoutAbsent({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(asked.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof asked.auth === "string") headers["authorization"] = `Basic ${Buffer.from(asked.auth).toString("base64")}`;
  const credentials = { headers, settings, identity: JSON.stringify(headers), trust: JSON.stringify(settings) };
  return { credentials, agent: typeof asked.agent === "object" ? asked.agent : undefined };
}

/** Through the kubeconfig's proxy, or the one that the environment names, as kubectl does. */
function open(origin: string, settings: ConnectionSettings, proxyUrl: string | undefined, asked: Agent | undefined): Connections {
  if (proxyUrl === undefined || proxyUrl === "") return openConnections(origin, { ...settings, proxyEnv: process.env });
  // SOCKS is spoken by client-node's agent alone.
  if (proxyUrl.startsWith("socks") && asked !== undefined) return { requests: asked, watches: asked };
  return openConnections(origin, { ...settings, proxyEnv: { HTTPS_PROXY: proxyUrl, HTTP_PROXY: proxyUrl } });
}

function withoutAbsent(settings: { [Name in keyof ConnectionSettings]: ConnectionSettings[Name] | undefined }): ConnectionSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as ConnectionSettings;
}
