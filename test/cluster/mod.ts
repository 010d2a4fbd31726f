/**
 * Real Kubernetes for tests: an API server alone, and a cluster of two nodes on one machine.
 *
 * A test of the control plane is called `*.apiserver.test.ts`, lies beside the code, and belongs to the vitest
 * project `apiserver`:
 *
 *   const server = sharedApiServer();                      // one for the whole run, no controllers
 *   const namespace = await server.createNamespace("quota");
 *   await server.apply(yaml);                              // with kubectl, as people do; throws with what it said
 *   const { status, body } = await server.request("POST", `/api/v1/namespaces/${namespace}/pods`, { body, token });
 *   server.callsOf({ namespace, name: "sensor" });         // what that service account asked, to compare with its role
 *   const client = await connect({ kubeconfig: server.kubeconfigPath });
 *
 * For faults, or with controllers, it starts one of its own (4 s): `await using server = await startApiServer({
 * controllerManager: ["garbage-collector-controller"] })`, then `server.stopApiServer()`, `server.startEtcd()`, ...
 *
 * A test of the cluster itself is called `*.e2e.test.ts`, lies in this folder, and belongs to the project `cluster`; one of
 * the product lies in `endToEnd/`, whose door says more:
 *
 *   const cluster = sharedCluster();                       // two nodes; `make cluster`'s where that is up
 *   await cluster.importImage(archive, "flowreset.test/flowreset:1");
 *   await cluster.helm("install", "flowreset", "charts/flowreset", "--wait", ...);
 *   const namespace = await cluster.api.createNamespace("kill");
 *   await cluster.api.apply([...]);                        // pods with image WORKLOAD_IMAGE: see images/workload.c
 *   const client = await cluster.podProcess(namespace, "client");
 *   await client.run(["ss", "-tnH"]);                      // with this machine's tools, in the pod's network
 *   await cluster.node("node-1").run(["nft", "list", "ruleset"]);
 *   await cluster.outside.start("server", [buildProgram("workload"), "serve", "80"]);
 *   await cluster.stopApiServer();                         // startApiServer, stopEtcd, node.stopKubelet, client.kill, ...
 *
 * No DNS runs there; a node has its own /var/lib, /var/log, /run, /etc and /opt, so that a hostPath is its own.
 *
 * Run one file with `node node_modules/vitest/vitest.mjs run --project apiserver|cluster|endToEnd PATH`. The programs come from
 * KUBEBUILDER_ASSETS or a cache, or are built once with Go.
 *
 * **Invariant:** whatever is started ends with whoever started it, also when that is killed.
 *
 * It knows nothing of the product. `binaries/` brings the programs, `controlPlane/` runs etcd and the API server,
 * `machine/` makes simulated machines and the wires between them, `images/` is what pods run.
 */
export { ApiServer } from "./apiServer.ts";
export type { Answer, ApiServerAddress, ProgramOptions, RequestOptions, TokenOptions } from "./apiServer.ts";
export type { AuditedCall } from "./controlPlane/auditLog.ts";
export { bringBinaries } from "./binaries/binaries.ts";
export { CertificateAuthority } from "./controlPlane/certificates.ts";
export type { Credentials, Subject } from "./controlPlane/certificates.ts";
export { Cluster } from "./cluster.ts";
export type { PodProcess } from "./cluster.ts";
export type { ClusterNode } from "./clusterNode.ts";
export { buildImage, buildProgram, WORKLOAD_IMAGE } from "./images.ts";
export type { CommandOptions, CommandResult, Machine } from "./machine/machine.ts";
export { FAMILIES, OUTSIDE } from "./machine/network.ts";
export type { Family } from "./machine/network.ts";
export { startApiServer } from "./privateApiServer.ts";
export type { ApiServerOptions, PrivateApiServer } from "./privateApiServer.ts";
export { sharedApiServer } from "./sharedApiServer.ts";
export { sharedCluster } from "./sharedCluster.ts";
