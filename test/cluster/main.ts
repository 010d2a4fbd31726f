/** `make cluster`, `cluster-load` and `cluster-down`: `main.ts up [bridge|ptp|vxlan] | load NAME FOLDER | down [MAKER]`. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, exit, stderr, stdout } from "node:process";
import { Cluster } from "./cluster.ts";
import { bringDown, bringUp } from "./clusterUp.ts";
import { podNetworkOf } from "./machine/podNetwork.ts";

async function main([command, argument, folder]: readonly (string | undefined)[]): Promise<number> {
  if (command === "down") {
    await bringDown(argument);
    return 0;
  }
  if (command === "load" && argument !== undefined && folder !== undefined) {
    await load(argument, folder);
    return 0;
  }
  if (command !== "up") {
    stderr.write("usage: main.ts up [bridge|ptp|vxlan] | load NAME FOLDER | down [MAKER]\n");
    return 2;
  }
  const { cluster } = await bringUp({ podNetwork: podNetworkOf(argument) });
  await cluster.api.close();
  stdout.write(`export KUBECONFIG=${cluster.kubeconfigPath}\nexport PATH=${dirname(cluster.programs.kubectl)}:${dirname(cluster.programs.helm)}:$PATH\n`);
  return 0;
}

/** Takes the one OCI archive of a folder in on every node, under a name: there is no registry. */
async function load(name: string, folder: string): Promise<void> {
  const cluster = Cluster.running();
  if (cluster === undefined) throw new Error("Run make cluster first: there is no cluster to load an image into");
  const archives = existsSync(folder) ? readdirSync(folder).filter((each) => each.endsWith(".oci.tar")) : [];
  if (archives.length !== 1) throw new Error(`Run make image: ${folder} must hold one image, and holds ${archives.length}`);
  stderr.write(`${name} is on every node: ${await cluster.importImage(join(folder, archives[0]!), name)}\n`);
  await cluster.api.close();
}

main(argv.slice(2)).then(exit, (error: unknown) => {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(1);
});
