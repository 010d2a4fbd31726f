/**
 * Outside a pod: a kubeconfig, read by client-node, which knows exec plugins, OIDC, client certificates and proxies.
 * Its own HTTP is not used: it opens a connection a request.
 */
import { KubeConfig } from "@kubernetes/client-node";
import type { RequestOptions } from "node:https";
import { ProxyAgent, Socks5ProxyAgent } from "undici";
import { type Access, type Connections, type TlsSettings, cutConnections, openConnections, retireConnections } from "./access.ts";
import type { Clock } from "./clock.ts";

export interface KubeconfigAccessOptions {
  /** Absent: KUBECONFIG, ~/.kube/config. */
  file: string | undefined;
  context: string | undefined;
  clock: Clock;
}

/** Exec plugins and OIDC renew what has expired when asked; client-node remembers what is still good. */
const ASK_AGAIN_MS = 10_000;

export async function openKubeconfigAccess(options: KubeconfigAccessOptions): Promise<Access> {
  const { clock } = options;
  const config = load(options);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name).join(", ");
    throw new Error(`Cannot use the kubeconfig, expected a context with a cluster, one of ${known || "none"}: current value is ${config.getCurrentContext() || "none"}`);
  }
  const { origin, pathname } = new URL(cluster.server);
  let credentials = await ask(config);
  let askedAtMs = clock.monotonicMs();
  let connections = open(config, origin, credentials.tls);

  async function refresh(): Promise<boolean> {
    askedAtMs = clock.monotonicMs();
    const next = await ask(config);
    const changed = next.fingerprint !== credentials.fingerprint;
    if (next.tlsFingerprint !== credentials.tlsFingerprint) {
      retireConnections(connections);
      connections = open(config, origin, next.tls);
    }
    credentials = next;
    return changed;
  }

  return {
    origin,
    pathPrefix: pathname.replace(/\/+$/, ""),
    async current() {
      if (clock.monotonicMs() - askedAtMs >= ASK_AGAIN_MS) await refresh();
      return { connections, headers: credentials.headers };
    },
    refresh,
    close: () => cutConnections(connections),
  };
}

function load({ file, context }: KubeconfigAccessOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new Error(`Cannot read the kubeconfig, expected a file that kubectl takes: current value is ${file ?? "the default one"}, ${(error as Error).message}`, { cause: error });
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

interface Credentials {
  readonly tls: TlsSettings;
  readonly headers: Record<string, string>;
  readonly tlsFingerprint: string;
  readonly fingerprint: string;
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
  const tlsFingerprint = JSON.stringify(Object.values(tls), (_, value: unknown) => (Buffer.isBuffer(value) ? value.toString("base64") : value));
  return { tls, headers, tlsFingerprint, fingerprint: tlsFingerprint + JSON.stringify(headers) };
}

function open(config: KubeConfig, origin: string, tls: TlsSettings): Connections {
  const proxy = config.getCurrentCluster()?.proxyUrl;
  if (proxy === undefined || proxy === "") return openConnections(origin, tls);
  const agent = (): ProxyAgent | Socks5ProxyAgent =>
    /^socks/.test(proxy) ? new Socks5ProxyAgent(proxy, { requestTls: tls }) : new ProxyAgent({ uri: proxy, requestTls: tls, allowH2: false });
  return { requests: agent(), watches: agent() };
}
