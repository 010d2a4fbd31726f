/** The resources that FlowReset's programs call, and how their URLs are made. */

export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

function resource(group: string, version: string, plural: string, kind: string, scope: "Namespaced" | "Cluster"): Resource {
  return { group, version, plural, kind, namespaced: scope === "Namespaced" };
}

const ours = (plural: string, kind: string, scope: "Namespaced" | "Cluster") => resource("flowreset.io", "v1alpha1", plural, kind, scope);

export const RESOURCES = {
  pods: resource("", "v1", "pods", "Pod", "Namespaced"),
  nodes: resource("", "v1", "nodes", "Node", "Cluster"),
  namespaces: resource("", "v1", "namespaces", "Namespace", "Cluster"),
  services: resource("", "v1", "services", "Service", "Namespaced"),
  configMaps: resource("", "v1", "configmaps", "ConfigMap", "Namespaced"),
  secrets: resource("", "v1", "secrets", "Secret", "Namespaced"),
  serviceAccounts: resource("", "v1", "serviceaccounts", "ServiceAccount", "Namespaced"),
  endpointSlices: resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "Namespaced"),
  daemonSets: resource("apps", "v1", "daemonsets", "DaemonSet", "Namespaced"),
  leases: resource("coordination.k8s.io", "v1", "leases", "Lease", "Namespaced"),
  events: resource("events.k8s.io", "v1", "events", "Event", "Namespaced"),
  tokenReviews: resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", "Cluster"),
  subjectAccessReviews: resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", "Cluster"),
  selfSubjectAccessReviews: resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", "Cluster"),
  customResourceDefinitions: resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "Cluster"),
  responsePolicies: ours("responsepolicies", "ResponsePolicy", "Namespaced"),
  clusterResponsePolicies: ours("clusterresponsepolicies", "ClusterResponsePolicy", "Cluster"),
  flowResets: ours("flowresets", "FlowReset", "Namespaced"),
  clusterFlowResets: ours("clusterflowresets", "ClusterFlowReset", "Cluster"),
  sensorFleets: ours("sensorfleets", "SensorFleet", "Cluster"),
  sensorNodes: ours("sensornodes", "SensorNode", "Cluster"),
} as const satisfies Record<string, Resource>;

export type ResourceName = keyof typeof RESOURCES;

/** `v1`, `apps/v1`: as an object says it. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The path of a collection, or of one object and its subresource. Throws where a namespaced object has no namespace. */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === "" ? "/api" : `/apis/${resource.group}`;
  let path = `${root}/${resource.version}`;
  if (resource.namespaced && namespace !== undefined) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${resource.plural}`;
  if (name === undefined) return path;
  if (resource.namespaced && namespace === undefined) {
    throw new TypeError(`Cannot name one of ${resource.plural}, expected a namespace: current value is ${name} without one`);
  }
  path += `/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `pods`, `daemonsets.apps`, `flowresets.flowreset.io/status`: as RBAC's own messages name it. */
export function labelOf(resource: Resource, subresource?: string): string {
  const plural = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
  return subresource === undefined ? plural : `${plural}/${subresource}`;
}
