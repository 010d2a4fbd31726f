/** The one cluster that all files of the vitest project `cluster` share. */
import { Cluster } from "./cluster.ts";

/** Use a namespace of your own; put right again what you stop. */
export function sharedCluster(): Cluster {
  const cluster = Cluster.running();
  if (cluster === undefined) throw new Error("Name this file *.e2e.test.ts in test/cluster: the cluster is brought up for those only");
  return cluster;
}
