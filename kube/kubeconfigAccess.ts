/**
 * Outside a pod: a kubeconfig, read by client-node, which knows exec plugins, OIDC, client certificates and proxies.
 * Its own HTTP is not used: it opens a connection a request.
 */
import { KubeConfig } from "@kubernetes/client-node";
import type { RequestOptions } from "node:https";
import { EnvHttpProxyAgent, ProxyAgent, Socks5ProxyAgent } from "undici";
import { type Access, type Connections, type Credentials, type TlsSettings, openConnections, openRotatingAccess } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

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
  return openRotatingAccess({
    origin,
    pathPrefix: pathname.replace(/\/+$/, ""),
    read: () => ask(config),
    open: (tls) => open(origin, tls, cluster.proxyUrl),
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

async function ask(config: KubeConfig): Promise<Credentials> {
  const asked: RequestOptions = {};
  await config.applyToHTTPSOptions(asked);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = asked;
  const settings = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const tls = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as TlsSettings;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(asked.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof asked.auth === "string") headers["authorization"] = `Basic ${Buffer.from(asked.auth).toString("base64")}`;
  return { headers, tls, identity: JSON.stringify(headers), trust: JSON.stringify(tls) };
}

function open(origin: string, tls: TlsSettings, proxyUrl: string | undefined): Connections {
  const proxy = proxyUrl === "" ? undefined : proxyUrl;
  const isFromEnvironment = proxy === undefined && ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].some((name) => (process.env[name] ?? "") !== "");
  if (proxy === undefined && !isFromEnvironment) return openConnections(origin, tls);
  const agent = (): Connections["requests"] => {
    if (proxy === undefined) return new EnvHttpProxyAgent({ requestTls: tls, connect: tls, allowH2: false });
    return proxy.startsWith("socks") ? new Socks5ProxyAgent(proxy, { requestTls: tls }) : new ProxyAgent({ uri: proxy, requestTls: tls, allowH2: false });
  };
  return { requests: agent(), watches: agent() };
}
