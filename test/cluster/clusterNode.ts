/** A node: a machine with containerd, kubelet and kube-proxy, each of which a test may stop and start. */
import { copyFileSync, rmSync } from "node:fs";
import { stringify } from "yaml";
import type { CertificateAuthority } from "./controlPlane/certificates.ts";
import type { CommandName } from "./binaries/goModule.ts";
import { PAUSE_IMAGE } from "./images.ts";
import { kubeconfig } from "./controlPlane/kubeconfig.ts";
import { Machine } from "./machine/machine.ts";
import type { MachineState } from "./machine/machine.ts";
import { listOf, POD_RANGES } from "./machine/network.ts";
import type { BothFamilies } from "./machine/network.ts";

/** Where a node keeps its configuration. */
const ETC = "/etc/kubernetes";
const IMPORT_TIMEOUT_MS = 300_000;
const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

export interface NodeState extends MachineState {
  readonly addresses: BothFamilies;
}

export class ClusterNode extends Machine {
  readonly addresses: BothFamilies;
  readonly #binaries: Readonly<Record<CommandName, string>>;

  constructor(state: NodeState, binaries: Readonly<Record<CommandName, string>>) {
    super(state);
    this.addresses = state.addresses;
    this.#binaries = binaries;
  }

  /** Its address, of IPv4. */
  get address(): string {
    return this.addresses.IPv4;
  }

  /** Writes certificates and configuration. Once, before the first start. */
  async prepare(url: string, authority: CertificateAuthority): Promise<void> {
    const caPem = authority.credentials.certPem;
    const serving = await authority.serving({ name: `system:node:${this.name}`, groups: ["system:nodes"] }, [this.addresses.IPv4, this.addresses.IPv6, this.name]);
    const kubelet = await authority.client({ name: `system:node:${this.name}`, groups: ["system:nodes"] });
    const kubeProxy = await authority.client({ name: "system:kube-proxy" });
    await this.write(`${ETC}/ca.crt`, caPem);
    await this.write(`${ETC}/kubelet.crt`, serving.certPem);
    await this.write(`${ETC}/kubelet.key`, serving.keyPem);
    await this.write(`${ETC}/kubelet.kubeconfig`, kubeconfig({ url, caPem, user: kubelet }));
    await this.write(`${ETC}/kube-proxy.kubeconfig`, kubeconfig({ url, caPem, user: kubeProxy }));
    await this.write(`${ETC}/containerd.toml`, CONTAINERD_CONFIGURATION);
    await this.write(`${ETC}/kubelet.yaml`, stringify(KUBELET_CONFIGURATION));
    await this.write(`${ETC}/kube-proxy.yaml`, stringify(kubeProxyConfiguration(this.name)));
    await this.write("/etc/machine-id", `${Buffer.from(this.name.padEnd(16, "-")).toString("hex")}\n`);
  }

  async startContainerd(): Promise<void> {
    await this.start("containerd", ["containerd", "--config", `${ETC}/containerd.toml`]);
    await this.shell("timeout 30 sh -c 'until ctr version >/dev/null 2>&1; do sleep 0.1; done'");
  }

  startKubelet(): Promise<void> {
    return this.start("kubelet", [
      this.#binaries.kubelet, `--config=${ETC}/kubelet.yaml`, `--kubeconfig=${ETC}/kubelet.kubeconfig`,
      `--hostname-override=${this.name}`, `--node-ip=${listOf(this.addresses)}`,
    ]);
  }

  /** Its pods go on; after 40 s the cluster takes the node for lost. */
  stopKubelet(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    return this.stop("kubelet", signal);
  }

  startKubeProxy(): Promise<void> {
    return this.start("kube-proxy", [this.#binaries["kube-proxy"], `--config=${ETC}/kube-proxy.yaml`]);
  }

  stopKubeProxy(): Promise<void> {
    return this.stop("kube-proxy");
  }

  /**
   * Takes the image of an OCI archive in under `name`, whatever name it carries, and under `name` by digest.
   * @returns its digest, "sha256:...".
   */
  async importImage(archive: string, name: string): Promise<string> {
    const ctr = (...args: string[]) => this.run(["ctr", "--namespace=k8s.io", "images", ...args], { timeoutMs: IMPORT_TIMEOUT_MS });
    const copy = `${this.state.folder}/var/lib/import.tar`; // An archive may lie where this node has files of its own.
    copyFileSync(archive, copy);
    const repository = name.replace(/:[^/:]*$/, "");
    try {
      const { stdout } = await ctr("import", "--base-name", repository, "--digests", "/var/lib/import.tar");
      const found = [...stdout.matchAll(/^unpacking (\S+@(sha256:[0-9a-f]{64})) /gm)];
      if (found.length !== 1) throw new Error(`Give an archive that holds one image for this processor: ${archive} holds ${found.length}`);
      const [, byDigest, digest] = found[0] as unknown as [string, string, string];
      await ctr("tag", "--force", byDigest, name);
      return digest;
    } finally {
      rmSync(copy);
    }
  }

  /** The process of a container as this node counts processes; undefined where it does not run. @param id without "containerd://" */
  async processOf(id: string): Promise<number | undefined> {
    const { stdout } = await this.run(["ctr", "--namespace=k8s.io", "tasks", "list"]);
    const line = stdout.split("\n").map((text) => text.split(/\s+/)).find(([task, , status]) => task === id && status === "RUNNING");
    return line === undefined ? undefined : Number(line[1]);
  }
}

const CONTAINERD_CONFIGURATION = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE nobody may lower it, and no pod would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`;

/** There is no cluster DNS: a pod's dnsPolicy ClusterFirst, the default, becomes Default, with an Event that says so. */
const KUBELET_CONFIGURATION = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: `${ETC}/ca.crt` } },
  authorization: { mode: "Webhook" },
  tlsCertFile: `${ETC}/kubelet.crt`,
  tlsPrivateKeyFile: `${ETC}/kubelet.key`,
  cgroupDriver: "cgroupfs",
  enforceNodeAllocatable: [],
  failCgroupV1: false,
  failSwapOn: false,
  localStorageCapacityIsolation: false,
  // The disk is that of the machine below, whose fullness is not this node's matter.
  evictionHard: { "memory.available": "50Mi" },
  resolvConf: "",
  // A machine of two cores starts many pods at once in a test.
  serializeImagePulls: true,
  maxPods: 250,
};

function kubeProxyConfiguration(name: string): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: `${ETC}/kube-proxy.kubeconfig` },
    mode: "nftables",
    clusterCIDR: listOf(POD_RANGES),
    hostnameOverride: name,
    // These belong to the machine below; a network namespace may not change them.
    conntrack: { maxPerCore: 0, min: 0 },
  };
}
