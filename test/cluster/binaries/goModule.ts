/**
 * The Go modules in ../go, which name what is built, at which version, and with which sums of all its parts; and the
 * module of another Kubernetes (KUBERNETES=1.32.13), made of ours, whose sums Go's checksum database vouches for.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, env } from "node:process";

/** Each command, the module that it is built from, and how long that took on 2 cores of 2 GHz with nothing built before. */
export const COMMANDS = {
  etcd: { module: "etcd", package: "go.etcd.io/etcd/server/v3", usualSeconds: 45 },
  "kube-apiserver": { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kube-apiserver", usualSeconds: 240 },
  kubectl: { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kubectl", usualSeconds: 35 },
  "kube-controller-manager": { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kube-controller-manager", usualSeconds: 75 },
  "kube-scheduler": { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kube-scheduler", usualSeconds: 10 },
  kubelet: { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kubelet", usualSeconds: 30 },
  "kube-proxy": { module: "kubernetes", package: "k8s.io/kubernetes/cmd/kube-proxy", usualSeconds: 15 },
  helm: { module: "helm", package: "helm.sh/helm/v3/cmd/helm", usualSeconds: 85 },
} as const;

export type CommandName = keyof typeof COMMANDS;

export interface GoModule {
  /** Where it lies with its sums, or the go.mod to be written wherever it is built. */
  readonly source: { readonly folder: string } | { readonly goMod: string };
  /** Of the thing itself, with its v: "v1.35.4". */
  readonly version: string;
  /** The oldest Go that builds it: "1.25.0". */
  readonly goVersion: string;
  readonly linkerFlags: string;
  /** Names what is built from it: changes with every version of every part, and with the flags. */
  readonly key: string;
}

export function goModule(name: CommandName): GoModule {
  const { module, package: main } = COMMANDS[name];
  const folder = `${import.meta.dirname}/../go/${module}`;
  const text = readFileSync(`${folder}/go.mod`, "utf8");
  const versions = required(text);
  const version = [...versions].find(([path]) => `${main}/`.startsWith(`${path}/`))?.[1];
  const goVersion = text.match(/^go (\S+)$/m)?.[1];
  if (version === undefined || goVersion === undefined) throw new Error(`Write the module of ${name} and a go line into ${folder}/go.mod`);
  const asked = module === "kubernetes" ? kubernetesVersion() : undefined;
  if (asked !== undefined && asked !== version) return otherKubernetes(text, version, asked, goVersion);
  const linkerFlags = flags(module, version, versions);
  return { source: { folder }, version, goVersion, linkerFlags, key: key(module, version, text, readFileSync(`${folder}/go.sum`), linkerFlags) };
}

/** What KUBERNETES asks for, with its v; undefined where it asks for nothing. */
function kubernetesVersion(): string | undefined {
  const asked = env["KUBERNETES"];
  if (!asked) return undefined;
  if (!/^v?1\.\d+\.\d+$/.test(asked)) throw new Error(`Set KUBERNETES to a version with its patch, such as 1.34.4: current value is ${asked}`);
  return `v${asked.replace(/^v/, "")}`;
}

/** The parts of Kubernetes have its minor and patch version. Which else it needs, Go works out at the first build. */
function otherKubernetes(ours: string, ownVersion: string, version: string, goVersion: string): GoModule {
  const parts = (of: string) => of.replace("v1.", "v0.");
  const replace = ours.slice(ours.indexOf("replace (")).replaceAll(parts(ownVersion), parts(version));
  const goMod = `module flowreset.io/test/cluster/kubernetes\n\ngo ${goVersion}\n\nrequire k8s.io/kubernetes ${version}\n\n${replace}`;
  const linkerFlags = flags("kubernetes", version, new Map());
  return { source: { goMod }, version, goVersion, linkerFlags, key: key("kubernetes", version, goMod, linkerFlags) };
}

function key(module: string, version: string, ...madeOf: (string | Uint8Array)[]): string {
  const sum = createHash("sha256");
  for (const part of madeOf) sum.update(part);
  return `${module}-${version}-${arch}-${sum.digest("hex").slice(0, 12)}`;
}

/** The modules that a go.mod requires, with their versions. */
function required(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(?:require )?\s*(\S+) (v\d\S*)(?: \/\/ indirect)?$/gm)].map(([, path, version]) => [path!, version!]));
}

function flags(module: string, version: string, versions: ReadonlyMap<string, string>): string {
  return ["-s", "-w", ...Object.entries(variables(module, version, versions)).map(([path, value]) => `-X ${path}=${value}`)].join(" ");
}

/**
 * What the makers' own builds tell the programs of versions, and their modules do not: kubectl and charts ask the API
 * server for its version, and Helm without a cluster takes that of its client library for the cluster's.
 */
function variables(module: string, version: string, versions: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const minor = (of: string) => of.split(".")[1]!;
  if (module === "kubernetes") {
    const base = "k8s.io/component-base/version";
    return { [`${base}.gitVersion`]: version, [`${base}.gitMajor`]: "1", [`${base}.gitMinor`]: minor(version) };
  }
  if (module === "helm") {
    const capabilities = "helm.sh/helm/v3/pkg/chartutil";
    return {
      "helm.sh/helm/v3/internal/version.version": version,
      [`${capabilities}.k8sVersionMajor`]: "1",
      [`${capabilities}.k8sVersionMinor`]: minor(versions.get("k8s.io/client-go")!),
    };
  }
  return {};
}
