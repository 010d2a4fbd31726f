/**
 * End to end: the product as people have it (the image of images/build.sh, installed by the chart) in the cluster of
 * two nodes, with real pods, real connections and real faults.
 *
 *   const product = sharedProduct();                       // installed once for the run, both sensors ready
 *   const scene = await Scene.open(product, "kills");      // a namespace of one's own; a failure prints logs and objects
 *   const server = await scene.serve("server", "node-1");
 *   const pair = await scene.connect("client", "node-1", server.address, 8080);   // two connections of one pod
 *   const reset = await product.reset(scene.namespace, { client: ..., server: ... });
 *   await pair.victim.ended();                             // as its own process says: ECONNRESET, and when
 *   await pair.neighbour.goesOn();
 *   await using witness = await Witness.start(product.cluster.nodes, "port 8080");  // counts RSTs, independent of us
 *
 * **Invariant:** what a test breaks it puts right before it ends; the next one finds both sensors ready, enforcing.
 *
 * It knows the product only as its users do: objects, logs, exec.
 */
export { Connection, endpointOf, endpointText, Server } from "./connection.ts";
export { NAMESPACE, Product, sharedProduct } from "./product.ts";
export type { FlowResetObject } from "./product.ts";
export { Scene, tellWhy } from "./scene.ts";
export type { Pair } from "./scene.ts";
export { marking, Storm } from "./storm.ts";
export { Witness } from "./witness.ts";
