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
 *   const client = await connect({ kubeconfig: server.kubeconfigPath });
 *
 * For faults, or with controllers, it starts one of its own (4 s): `await using server = await startApiServer({
 * controllerManager: ["garbage-collector-controller"] })`, then `server.stopApiServer()`, `server.startEtcd()`, ...
 *
 * Run one file with `node node_modules/vitest/vitest.mjs run --project apiserver PATH`. The programs come from
 * KUBEBUILDER_ASSETS or a cache, or are built once with Go.
 *
 * **Invariant:** whatever is started ends with whoever started it, also when that is killed.
 *
 * It knows nothing of the product.
 */
export { ApiServer } from "./apiServer.ts";
export type { Answer, ApiServerAddress, RequestOptions, TokenOptions } from "./apiServer.ts";
export { bringBinaries } from "./binaries.ts";
export type { Credentials, Subject } from "./certificates.ts";
export { startApiServer } from "./privateApiServer.ts";
export type { ApiServerOptions, PrivateApiServer } from "./privateApiServer.ts";
export { sharedApiServer } from "./sharedApiServer.ts";
