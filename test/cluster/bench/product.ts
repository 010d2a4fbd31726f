/** The product in the cluster of two nodes, as people install it: the image of this checkout, the chart, Helm. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { until } from "../../lab/mod.ts";
import type { Cluster } from "../mod.ts";
import { sharedCluster } from "../mod.ts";
import { setup } from "../sharedCluster.setup.ts";
import { INSTALL_NAMESPACE } from "./names.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const RELEASE = "flowreset";
const REPOSITORY = "flowreset.test/flowreset";
const IMAGE_MS = 600_000;
const READY_MS = 180_000;

export interface InstalledProduct {
  readonly cluster: Cluster;
  /** Takes away what was brought: the release, and the cluster unless it was up before (also when we are killed). */
  close(): Promise<void>;
}

export async function installProduct(say: (text: string) => void): Promise<InstalledProduct> {
  say("cluster: the image of this checkout");
  const archive = buildProductImage();
  say("cluster: two nodes");
  const takeDown = await setup();
  const cluster = sharedCluster();
  const close = async (): Promise<void> => {
    await cluster.helm("uninstall", RELEASE, "--namespace", INSTALL_NAMESPACE, "--ignore-not-found", "--wait").catch(() => {});
    await cluster.api.close();
    await takeDown?.();
  };
  try {
    say("cluster: the chart");
    const digest = await cluster.importImage(archive, `${REPOSITORY}:bench`);
    await cluster.helm(
      "upgrade", RELEASE, join(ROOT, "charts/flowreset"), "--install", "--namespace", INSTALL_NAMESPACE, "--create-namespace", "--wait", "--timeout", "3m",
      "--set", `image.repository=${REPOSITORY},image.digest=${digest},image.pullPolicy=Never`,
    );
    await until("every sensor to be ready", async () => (await readySensors(cluster)) === cluster.nodes.length, READY_MS, 500);
    return { cluster, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readySensors(cluster: Cluster): Promise<number> {
  const { items } = await cluster.api.expect("GET", "/apis/flowreset.io/v1alpha1/sensornodes");
  const isReady = ({ type, status }: { type: string; status: string }): boolean => type === "Ready" && status === "True";
  return items.filter(({ status }: any) => (status?.conditions ?? []).some(isReady)).length;
}

/** @returns the path of its archive. */
function buildProductImage(): string {
  const folder = join(ROOT, "images/build");
  execFileSync(join(ROOT, "images/build.sh"), [folder], { stdio: ["ignore", "ignore", "inherit"], timeout: IMAGE_MS });
  const archive = readdirSync(folder).find((name) => name.endsWith(".oci.tar"));
  if (archive === undefined) throw new Error(`Cannot find an image in ${folder}`);
  return join(folder, archive);
}
