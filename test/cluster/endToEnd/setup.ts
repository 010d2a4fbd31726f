/** Global setup of the vitest project `endToEnd`, after that of the cluster: the image, the chart, sensors ready. */
import { Cluster } from "../mod.ts";
import { CHART, FLEET, NAMESPACE, Product, RELEASE } from "./product.ts";
import { bringProductImage } from "./productImage.ts";

const REPOSITORY = "flowreset.test/flowreset";

/** An installation that was there is upgraded, and stays. */
export async function setup(): Promise<() => Promise<void>> {
  const { archive, tag } = bringProductImage();
  const cluster = Cluster.running()!;
  const wasThere = (await cluster.helm("list", `--namespace=${NAMESPACE}`, "--short")).trim() !== "";
  await cluster.importImage(archive, `${REPOSITORY}:${tag}`);
  // Storms of tests are more than what a node may reset in a minute unless told.
  const values = [`image.repository=${REPOSITORY}`, `image.tag=${tag}`, "image.pullPolicy=Never", "fleet.spec.budgets.connectionsPerMinute=100000"];
  await cluster.helm("upgrade", RELEASE, CHART, "--install", "--create-namespace", `--namespace=${NAMESPACE}`, ...values.map((value) => `--set=${value}`), "--wait", "--timeout=3m");
  const product = new Product(cluster);
  await cluster.api.kubectl(["wait", "--for=create", `sensorfleet/${FLEET}`, "--timeout=60s"]);
  await product.untilReady();
  await cluster.api.close();
  return async () => {
    if (wasThere) return;
    await cluster.helm("uninstall", RELEASE, `--namespace=${NAMESPACE}`, "--ignore-not-found", "--wait", "--timeout=2m");
    await cluster.api.kubectl(["delete", "crd", "--selector=app.kubernetes.io/name=flowreset", "--ignore-not-found"]);
    await cluster.api.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false"]);
    await cluster.api.close();
  };
}
