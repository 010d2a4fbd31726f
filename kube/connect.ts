/** Where the program runs decides how it reaches the API server. */
import type { Access } from "./access.ts";
import { KubeClient } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Log, silentLog } from "./log.ts";
import { openPodAccess } from "./podAccess.ts";

export interface ConnectOptions {
  /** A kubeconfig file; its absence means the pod's service account, or KUBECONFIG and ~/.kube/config outside of one. */
  kubeconfig?: string | undefined;
  /** A context of the kubeconfig; default its current one. */
  context?: string | undefined;
  log?: Log | undefined;
  /** What the API server's audit log calls us; default `flowreset`. */
  userAgent?: string | undefined;
  clock?: Clock | undefined;
  /** Where the service account's files are; for tests. */
  serviceAccountFolder?: string | undefined;
}

/** Reads the credentials; the server is not asked yet. Rejects with what is missing. */
export async function connect(options: ConnectOptions = {}): Promise<KubeClient> {
  const { clock = systemClock } = options;
  return new KubeClient(await openAccess(options, clock), options.userAgent, clock);
}

async function openAccess(options: ConnectOptions, clock: Clock): Promise<Access> {
  const { kubeconfig, context, log = silentLog } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (kubeconfig === undefined && context === undefined && host !== undefined && host !== "") {
    return openPodAccess({ host, port: port ?? "443", folder: options.serviceAccountFolder, clock, log });
  }
  // Not in a pod: client-node costs 77 MB, and is loaded by who needs it.
  const { openKubeconfigAccess } = await import("./kubeconfigAccess.ts");
  return openKubeconfigAccess({ file: kubeconfig, context, clock, log });
}
