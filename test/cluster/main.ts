/** `make cluster` and `make cluster-down`: `main.ts up [bridge|ptp|vxlan] | down [MAKER]`. */
import { dirname } from "node:path";
import { argv, exit, stderr, stdout } from "node:process";
import { bringDown, bringUp } from "./clusterUp.ts";
import { podNetworkOf } from "./machine/podNetwork.ts";

async function main(command: string | undefined, argument: string | undefined): Promise<number> {
  if (command === "down") {
    await bringDown(argument);
    return 0;
  }
  if (command !== "up") {
    stderr.write("usage: main.ts up [bridge|ptp|vxlan] | down [MAKER]\n");
    return 2;
  }
  const { cluster } = await bringUp({ podNetwork: podNetworkOf(argument) });
  await cluster.api.close();
  stdout.write(`export KUBECONFIG=${cluster.kubeconfigPath}\nexport PATH=${dirname(cluster.programs.kubectl)}:${dirname(cluster.programs.helm)}:$PATH\n`);
  return 0;
}

main(argv[2], argv[3]).then(exit, (error: unknown) => {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(1);
});
