/**
 * kube: the only room that speaks to an API server; operator, sensor and CLI share it.
 *
 * **Invariant:** no change of an object is lost and no failure makes a hot loop. Whatever the server or the network
 * does, a Reflector ends with exactly the server's objects, and the changes that it told replay to the same; every
 * retry waits, longer each time. Objects are the server's JSON without `managedFields` and are never changed once
 * they were handed out. In a pod neither client-node nor a schema is loaded.
 *
 * Must not know: what any kind means. Schemas are of crds/, decisions of operator/ and sensor/.
 */
export { addressText } from "./addressText.ts";
export { connect } from "./connect.ts";
export type { ConnectOptions } from "./connect.ts";
export { KubeClient } from "./client.ts";
export type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReference,
  PatchOptions,
  PatchStatusOptions,
  WriteOptions,
} from "./calls.ts";
export { KubeError } from "./kubeError.ts";
export type { KubeErrorDetails } from "./kubeError.ts";
export { keyOf, kindedKeyOf } from "./object.ts";
export type { KubeMetadata, KubeObject, OwnerReference } from "./object.ts";
export { RESOURCES, apiVersionOf } from "./resources.ts";
export type { Resource, ResourceName } from "./resources.ts";
export { Reflector } from "./reflector.ts";
export type { ReflectorEvent, ReflectorOptions, ReflectorState } from "./reflector.ts";
export { EventRecorder } from "./eventRecorder.ts";
export type { EventDetails, EventObject, EventRecorderOptions } from "./eventRecorder.ts";
export { LeaderElector } from "./leaderElector.ts";
export type { LeaderElectorOptions } from "./leaderElector.ts";
export { KubeCounters } from "./counters.ts";
export type { RequestCount } from "./counters.ts";
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { Log } from "./log.ts";
