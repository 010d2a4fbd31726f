/** Keeps the Secret: the leader writes it, every replica serves from it. */
import { RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { bringUpToDate, lookAgainMs } from "./apply.ts";
import { bundleOf, readMaterial, writeMaterial, type Material } from "./material.ts";

export interface KeptCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** What clients are told to trust; PEM. */
  readonly bundle: string;
}

export interface KeeperOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** DNS names and addresses that the certificate is for. */
  readonly hosts: readonly string[];
  readonly fieldManager: string;
  readonly labels: Readonly<Record<string, string>>;
  nowMs(): number;
}

type Secret = KubeObject & { readonly type?: string; readonly data?: Record<string, string> };

export class CertificateKeeper {
  readonly #options: KeeperOptions;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** What a Secret holds, or undefined where nothing in it can be served. */
  static read(secret: KubeObject | undefined): KeptCertificate | undefined {
    return kept(readMaterial((secret as Secret | undefined)?.data));
  }

  /** Makes, renews and writes what is due. @returns what is served from now on, and when to look again. */
  async reconcile(signal: AbortSignal): Promise<{ readonly certificate: KeptCertificate; readonly againMs: number }> {
    const { client, namespace, name, hosts, nowMs } = this.#options;
    const found = await client.find<Secret>(RESOURCES.secrets, { namespace, name }, { signal });
    const before = readMaterial(found?.data);
    const after = await bringUpToDate(before, hosts, nowMs());
    if (after !== before) await this.#write(found, after, signal);
    return { certificate: kept(after)!, againMs: lookAgainMs(after, nowMs()) };
  }

  /** With the version that was read: refused (409) where somebody else was quicker, whose word is read next time. */
  async #write(found: Secret | undefined, material: Material, signal: AbortSignal): Promise<void> {
    const { client, namespace, name, labels, fieldManager } = this.#options;
    const resourceVersion = found?.metadata.resourceVersion;
    const metadata = { namespace, name, labels: { ...labels }, ...(resourceVersion !== undefined && { resourceVersion }) };
    const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata, type: found?.type ?? "kubernetes.io/tls", data: writeMaterial(material) };
    await client.apply(RESOURCES.secrets, secret, { fieldManager, signal });
  }
}

function kept(material: Material): KeptCertificate | undefined {
  const { ca, serving } = material;
  return ca === undefined || serving === undefined ? undefined : { cert: serving.certificate, key: serving.key, bundle: bundleOf(material) };
}
