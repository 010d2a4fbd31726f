/**
 * etcd, the API server and, where asked for, the controller manager and the scheduler, as real clusters run them:
 * node and role authorisation, NodeRestriction and ServiceAccount admission. Certificates and kubeconfigs lie in a
 * folder; where the programs run is the matter of `Programs`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { Client } from "undici";
import { until } from "../../lab/mod.ts";
import { AUDIT_POLICY } from "./auditLog.ts";
import { CertificateAuthority, serviceAccountKeys } from "./certificates.ts";
import { kubeconfig } from "./kubeconfig.ts";
import type { CommandName } from "../binaries/goModule.ts";
import type { Programs } from "./programs.ts";

const READY_TIMEOUT_MS = 60_000;
const READY_INTERVAL_MS = 50;
const ISSUER = "https://kubernetes.default.svc.cluster.local";

export interface ControlPlaneOptions {
  readonly directory: string;
  readonly programs: Programs;
  readonly binaries: Readonly<Record<"etcd" | "kube-apiserver", string>> & Partial<Record<CommandName, string>>;
  /** Where the API server listens, and how nodes reach it. */
  readonly address: string;
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number };
  /** One, or one of each family with a comma between: the first is the default. */
  readonly serviceRange: string;
  /** The first address of `serviceRange`: the API server's own service. */
  readonly serviceAddress: string;
  /** The range (or two) that pod addresses come from, given out to nodes by the controller manager. */
  readonly podRange?: string;
  /** Which controllers of the controller manager run: all of them unless told. */
  readonly controllers?: readonly string[];
  readonly apiServerFlags?: readonly string[];
}

export class ControlPlane {
  readonly url: string;
  readonly etcdUrl: string;
  /** Of the administrator: a member of system:masters, whom nothing is refused. */
  readonly kubeconfigPath: string;
  readonly auditLogPath: string;
  readonly #options: ControlPlaneOptions;
  readonly #pki: string;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#pki = `${options.directory}/pki`;
    this.url = `https://${options.address}:${options.ports.api}`;
    this.etcdUrl = `http://${options.address}:${options.ports.etcd}`;
    this.kubeconfigPath = `${options.directory}/admin.kubeconfig`;
    this.auditLogPath = `${options.directory}/audit.log`;
  }

  /** Makes keys, certificates and kubeconfigs. Once, before the first start. */
  async prepare(): Promise<void> {
    mkdirSync(this.#pki, { recursive: true, mode: 0o700 });
    const authority = await CertificateAuthority.create("flowreset-test");
    this.#writeFile("ca.crt", authority.credentials.certPem);
    this.#writeFile("ca.key", authority.credentials.keyPem);
    const { address, serviceAddress } = this.#options;
    const hosts = [address, "127.0.0.1", serviceAddress, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
    const server = await authority.serving({ name: "kube-apiserver" }, hosts);
    this.#writeFile("apiserver.crt", server.certPem);
    this.#writeFile("apiserver.key", server.keyPem);
    const kubeletClient = await authority.client({ name: "kube-apiserver-kubelet-client", groups: ["system:masters"] });
    this.#writeFile("kubelet-client.crt", kubeletClient.certPem);
    this.#writeFile("kubelet-client.key", kubeletClient.keyPem);
    this.#writeFile("audit.yaml", AUDIT_POLICY);
    const keys = serviceAccountKeys();
    this.#writeFile("sa.key", keys.privatePem);
    this.#writeFile("sa.pub", keys.publicPem);
    for (const [file, name, groups] of [
      ["admin", "admin", ["system:masters"]],
      ["kube-controller-manager", "system:kube-controller-manager", []],
      ["kube-scheduler", "system:kube-scheduler", []],
    ] as const) {
      const user = await authority.client({ name, groups });
      writeFileSync(`${this.#options.directory}/${file}.kubeconfig`, kubeconfig({ url: this.url, caPem: authority.credentials.certPem, user }), { mode: 0o600 });
    }
  }

  #writeFile(name: string, text: string): void {
    writeFileSync(`${this.#pki}/${name}`, text, { mode: 0o600 });
  }

  async startEtcd(): Promise<void> {
    const { binaries, ports, directory, address, programs } = this.#options;
    await programs.start("etcd", [
      binaries.etcd, `--data-dir=${directory}/etcd`, "--unsafe-no-fsync=true", "--log-level=warn",
      `--listen-client-urls=http://${address}:${ports.etcd}`, `--advertise-client-urls=http://${address}:${ports.etcd}`,
      `--listen-peer-urls=http://${address}:${ports.etcdPeer}`, `--initial-advertise-peer-urls=http://${address}:${ports.etcdPeer}`,
      `--initial-cluster=default=http://${address}:${ports.etcdPeer}`,
    ]);
    await this.#untilHealthy("etcd", this.etcdUrl, "/health");
  }

  async startApiServer(): Promise<void> {
    const { binaries, ports, address, serviceRange, programs, apiServerFlags = [] } = this.#options;
    const pki = this.#pki;
    await programs.start("kube-apiserver", [
      binaries["kube-apiserver"], `--etcd-servers=${this.etcdUrl}`,
      `--bind-address=${address}`, `--secure-port=${ports.api}`, `--service-cluster-ip-range=${serviceRange}`,
      ...(address.startsWith("127.") ? [] : [`--advertise-address=${address}`]),
      `--tls-cert-file=${pki}/apiserver.crt`, `--tls-private-key-file=${pki}/apiserver.key`, `--client-ca-file=${pki}/ca.crt`,
      `--service-account-issuer=${ISSUER}`, `--service-account-key-file=${pki}/sa.pub`, `--service-account-signing-key-file=${pki}/sa.key`,
      "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
      // By address: there is no DNS in which a node's name could be looked up.
      "--kubelet-preferred-address-types=InternalIP", `--kubelet-certificate-authority=${pki}/ca.crt`,
      `--kubelet-client-certificate=${pki}/kubelet-client.crt`, `--kubelet-client-key=${pki}/kubelet-client.key`,
      `--audit-policy-file=${pki}/audit.yaml`, `--audit-log-path=${this.auditLogPath}`, "--audit-log-maxsize=100",
      ...apiServerFlags,
    ]);
    await this.#untilHealthy("kube-apiserver", this.url, "/readyz");
  }

  async startControllerManager(): Promise<void> {
    const { binaries, directory, controllers = ["*"], serviceRange, podRange, programs } = this.#options;
    const config = `${directory}/kube-controller-manager.kubeconfig`;
    await programs.start("kube-controller-manager", [
      binaries["kube-controller-manager"]!, `--kubeconfig=${config}`, `--authentication-kubeconfig=${config}`, `--authorization-kubeconfig=${config}`,
      `--service-account-private-key-file=${this.#pki}/sa.key`, `--root-ca-file=${this.#pki}/ca.crt`, "--use-service-account-credentials",
      `--cluster-signing-cert-file=${this.#pki}/ca.crt`, `--cluster-signing-key-file=${this.#pki}/ca.key`,
      `--controllers=${controllers.join(",")}`, `--service-cluster-ip-range=${serviceRange}`, "--leader-elect=false", "--secure-port=0",
      ...(podRange === undefined ? [] : ["--allocate-node-cidrs", `--cluster-cidr=${podRange}`]),
    ]);
  }

  async startScheduler(): Promise<void> {
    const { binaries, directory, programs } = this.#options;
    const config = `${directory}/kube-scheduler.kubeconfig`;
    await programs.start("kube-scheduler", [
      binaries["kube-scheduler"]!, `--kubeconfig=${config}`, `--authentication-kubeconfig=${config}`, `--authorization-kubeconfig=${config}`,
      "--leader-elect=false", "--secure-port=0",
    ]);
  }

  async #untilHealthy(name: CommandName, url: string, path: string): Promise<void> {
    const { programs } = this.#options;
    const client = new Client(url, { connect: { rejectUnauthorized: false } });
    try {
      const outcome = await until(`${name} to be ready`, async () => {
        if (!(await programs.isRunning(name))) return new Error(`Read why ${name} ended at its start: ${programs.lastWords(name)}`);
        const { statusCode, body } = await client.request({ path, method: "GET" });
        await body.dump();
        return statusCode === 200;
      }, READY_TIMEOUT_MS, READY_INTERVAL_MS);
      if (outcome instanceof Error) throw outcome;
    } finally {
      await client.destroy();
    }
  }
}
