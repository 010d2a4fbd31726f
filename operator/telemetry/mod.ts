/**
 * What the operator says of itself: health for the kubelet, metrics for who may read them, profiles on loopback.
 *
 * **Invariant:** nothing but "ok" or why not is told to a stranger; metrics need a token that the API server allows to
 * read them; profiling listens on loopback only. Label sets are bounded.
 *
 * It must not know what is measured.
 */
export { startHealthServer } from "./healthServer.ts";
export { listen, parseListen, type OpenServer } from "./listen.ts";
export { startMetricsServer, type MetricsServer } from "./metricsServer.ts";
export { startProfilingServer } from "./profilingServer.ts";
export { createRegistry, type Measurement } from "./registry.ts";
export { MetricsAccess } from "./metricsAccess.ts";
