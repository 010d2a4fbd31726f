/** `make cluster` and `make cluster-down`: `main.ts up [bridge|ptp|vxlan] | down`. */
import { dirname } from "node:path";
import { argv, exit, stderr, stdout } from "node:process";
import { Cluster } from "./cluster.ts";
import { bringDown, bringUp } from "./clusterUp.ts";
import { podNetworkOf } from "./machine/podNetwork.ts";
import type { PodNetwork } from "./machine/podNetwork.ts";

async function main(command: string | undefined, network: string | undefined): Promise<number> {
  if (command === "down") {
    await bringDown();
    return 0;
  }
  if (command !== "up") {
    stderr.write("usage: main.ts up [bridge|ptp|vxlan] | down\n");
    return 2;
  }
  const podNetwork = podNetworkOf(network);
  const running = Cluster.running();
  if (running !== undefined && running.podNetwork !== podNetwork) {
    throw new Error(`Run make cluster-down first to change its pod network: current value is ${running.podNetwork}`);
  }
  const cluster = running ?? (await bringUpFresh(podNetwork));
  await cluster.api.close();
  stdout.write(`export KUBECONFIG=${cluster.kubeconfigPath}\nexport PATH=${dirname(cluster.programs.kubectl)}:${dirname(cluster.programs.helm)}:$PATH\n`);
  return 0;
}

/** What an earlier run left that was cut short is in nobody's way. */
async function bringUpFresh(podNetwork: PodNetwork): Promise<Cluster> {
  await bringDown();
  try {
    return await bringUp({ podNetwork });
  } catch (error) {
    await bringDown();
    throw error;
  }
}

main(argv[2], argv[3]).then(exit, (error: unknown) => {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(1);
});
