/**
 * What the operator says of itself: health for the kubelet, metrics for who may read them, profiles on loopback.
 *
 * **Invariant:** nothing but "ok" or why not is told to a stranger; metrics need a token that the API server allows to
 * read them; profiling listens on loopback only. Label sets are bounded.
 *
 * It must not know what is measured.
 */
export { parseListen, startHealthServer, type HealthServer } from "./healthServer.ts";
