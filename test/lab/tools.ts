/** The real tools that labs run, and the Debian package that brings each. */
import { accessSync, constants, readdirSync } from "node:fs";

const PACKAGE_OF: Record<string, string> = {
  ip: "iproute2",
  ss: "iproute2",
  bridge: "iproute2",
  tc: "iproute2",
  nft: "nftables",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  cc: "gcc libc6-dev",
  curl: "curl",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshd: "openssh-server",
  iperf3: "iperf3",
  psql: "postgresql-client",
  postgres: "postgresql",
  initdb: "postgresql",
  conntrack: "conntrack",
  tcpdump: "tcpdump",
  ethtool: "ethtool",
};

/** What every lab needs. */
export const LAB_TOOLS = ["ip", "ss", "nft", "unshare", "nsenter", "mount"] as const;

/** An ordinary user's PATH lacks the folders of the network tools; PostgreSQL keeps its servers apart. */
export const LAB_PATH = [process.env["PATH"] ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin", ...postgresFolders()].join(":");

function postgresFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    return readdirSync(root).sort((a, b) => Number(b) - Number(a)).map((version) => `${root}/${version}/bin`);
  } catch {
    return [];
  }
}

/** The whole path of a tool, or undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  for (const folder of LAB_PATH.split(":")) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** One sentence that names the missing tools and the command that installs them; undefined where none is missing. */
export function missingTools(names: readonly string[]): string | undefined {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap((name) => (PACKAGE_OF[name] ?? name).split(" ")))];
  return `Install with: apt-get install -y ${packages.join(" ")}; missing: ${missing.join(", ")}`;
}
