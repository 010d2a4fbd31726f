/** Global setup of the vitest project `apiserver`: brings an API server up for the whole run. */
import { env } from "node:process";
import { homedir } from "node:os";
import { bringBinaries } from "./binaries/binaries.ts";
import { startApiServer } from "./privateApiServer.ts";
import { SHARED_VARIABLE } from "./sharedApiServer.ts";

/** With USE_EXISTING_CLUSTER=true the cluster of the current kubeconfig is used: its administrator needs a certificate. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (env["USE_EXISTING_CLUSTER"] === "true") {
    const { kubectl } = await bringBinaries(["kubectl"]);
    env[SHARED_VARIABLE] = JSON.stringify({ kubeconfigPath: env["KUBECONFIG"] || `${homedir()}/.kube/config`, kubectl });
    return undefined;
  }
  // Also what only some tests start: none of them shall wait for a compiler. Where assets of the user's own lack it, and
  // no Go can build it, those alone fail, and say so.
  await bringBinaries(["etcd", "kube-apiserver", "kubectl"]);
  await bringBinaries(["kube-controller-manager", "kube-scheduler", "helm"]).catch((error: Error) => {
    if (!env["KUBEBUILDER_ASSETS"]) throw error;
    console.error(`going on without some programs: ${error.message}`);
  });
  const server = await startApiServer();
  env[SHARED_VARIABLE] = JSON.stringify(server.address);
  return () => server.close();
}
