/** kubeconfig files, for kubectl, Helm, the programs of Kubernetes and our own. */
import { stringify } from "yaml";
import type { Credentials } from "./certificates.ts";

export interface KubeconfigOptions {
  readonly url: string;
  readonly caPem: string;
  /** Who calls: a certificate, or a bearer token. */
  readonly user: Credentials | { readonly token: string };
  /** Where requests go that name no namespace. */
  readonly namespace?: string;
}

export function kubeconfig({ url, caPem, user, namespace = "default" }: KubeconfigOptions): string {
  const credentials = "token" in user ? user : { "client-certificate-data": base64(user.certPem), "client-key-data": base64(user.keyPem) };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "flowreset-test", cluster: { server: url, "certificate-authority-data": base64(caPem) } }],
    users: [{ name: "user", user: credentials }],
    contexts: [{ name: "flowreset-test", context: { cluster: "flowreset-test", user: "user", namespace } }],
    "current-context": "flowreset-test",
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
