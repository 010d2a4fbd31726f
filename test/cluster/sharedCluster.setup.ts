/**
 * Global setup of the vitest project `cluster`: takes the cluster that `make cluster` has made, else makes one for the
 * run, with the pod network that CLUSTER names. A keeper removes it afterwards, also when the run is killed.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { env, execPath } from "node:process";
import { bringUp } from "./clusterUp.ts";
import { podNetworkOf } from "./machine/podNetwork.ts";

export async function setup(): Promise<() => Promise<void>> {
  if (env["USE_EXISTING_CLUSTER"] === "true") throw new Error("Unset USE_EXISTING_CLUSTER for the project cluster: it looks into the nodes of a cluster of its own");
  const podNetwork = podNetworkOf(env["CLUSTER"]);
  const maker = randomUUID();
  // Its own session: a Ctrl-C that ends the tests must leave it to remove what they leave.
  const keeper = spawn("sh", ["-c", 'cat > /dev/null; exec "$@"', "sh", execPath, `${import.meta.dirname}/main.ts`, "down", maker], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  keeper.stdin.on("error", () => {});
  const takeDown = async () => {
    keeper.stdin.end();
    if (keeper.exitCode === null) await once(keeper, "exit");
  };
  try {
    await (await bringUp({ podNetwork, maker })).cluster.api.close();
  } catch (error) {
    await takeDown();
    throw error;
  }
  return takeDown;
}
