/** A SensorFleet as a DaemonSet: everything of the pod's shape, pure. */
import type { SensorFleetSpec } from "../../crds/mod.ts";
import type { KubeObject } from "../../kube/mod.ts";

export interface FleetIdentity {
  readonly name: string;
  readonly uid: string;
  readonly apiVersion: string;
}

export interface FleetSurroundings {
  /** Where the operator and its sensors live. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of fleets that name none. */
  readonly defaultImage: string;
  /** Name of the Secret with the key of the mark. */
  readonly markKeySecret: string;
  /** Of that Secret; undefined: it is not known, sensors start without. */
  readonly markKeyUid: string | undefined;
}

export const FLEET_LABEL = "flowreset.io/fleet";
/** On the pods: the uid of the Secret with the mark key. Sensors read it once, so another Secret rolls out as a version does. */
export const MARK_KEY_ANNOTATION = "flowreset.io/mark-key-uid";
const STATE_FOLDER = "/var/lib/flowreset";
/** Socket of the running sensor: `flowreset status` by kubectl exec. */
const RUN_FOLDER = "/run/flowreset";
const MARK_KEY_FOLDER = "/etc/flowreset/mark-key";
/** The Secret's field, and so the file's name. */
const MARK_KEY_FIELD = "key";
const READ_BY_OWNER = 0o400;
const TOKEN_FOLDER = "/var/run/secrets/flowreset.io";
const REPORT_AUDIENCE = "flowreset-report-stream";
const TOKEN_SECONDS = 3_600;
/**
 * Megabytes of V8's nursery in each thread. The main thread's would grow to 64 MB while a node fills with pods, measured,
 * and a packet Worker's is 3 MB smaller.
 */
const NODE_OPTIONS = "--max-semi-space-size=1";
/** A label's value has at most 63 characters, and the name of a pod's controller revision needs some. */
export const MAX_FLEET_NAME = 52;

export function daemonSetName(fleet: string): string {
  return `flowreset-sensor-${fleet}`;
}

/** What server-side apply owns of the DaemonSet; what others add (a rollout's annotation) stays. */
export function daemonSetOf({ name, uid, apiVersion }: FleetIdentity, spec: SensorFleetSpec, surroundings: FleetSurroundings): KubeObject {
  const { namespace, markKeyUid } = surroundings;
  const selector = { "app.kubernetes.io/name": "flowreset", "app.kubernetes.io/component": "sensor", [FLEET_LABEL]: name };
  const labels = { ...selector, "app.kubernetes.io/managed-by": "flowreset-operator" };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: {
      name: daemonSetName(name),
      namespace,
      labels,
      ownerReferences: [{ apiVersion, kind: "SensorFleet", name, uid, controller: true }],
    },
    spec: {
      selector: { matchLabels: selector },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: spec.updateStrategy.maxUnavailable } },
      // A sensor that dies at once is not called rolled out.
      minReadySeconds: 5,
      revisionHistoryLimit: 3,
      template: {
        metadata: {
          labels: { ...spec.podLabels, ...selector },
          annotations: { "kubectl.kubernetes.io/default-container": "sensor", ...spec.podAnnotations, ...(markKeyUid !== undefined && { [MARK_KEY_ANNOTATION]: markKeyUid }) },
        },
        spec: podSpec(name, spec, surroundings),
      },
    },
  };
}

function podSpec(fleet: string, spec: SensorFleetSpec, { serviceAccount, defaultImage, markKeySecret }: FleetSurroundings): object {
  return {
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    // It watches the node's interfaces, those of pods among them; and resolves names as pods do nevertheless.
    hostNetwork: true,
    dnsPolicy: "ClusterFirstWithHostNet",
    priorityClassName: spec.priorityClassName,
    terminationGracePeriodSeconds: 15,
    nodeSelector: { ...spec.nodeSelector, "kubernetes.io/os": "linux" },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [ARCHITECTURES, ...NO_VIRTUAL_NODE] }] } } },
    tolerations: spec.tolerations.map((toleration) => ({ ...toleration })),
    ...(spec.imagePullSecrets.length > 0 && { imagePullSecrets: spec.imagePullSecrets.map((secret) => ({ ...secret })) }),
    // Kubernetes gives added capabilities to uid 0 only (it sets no ambient ones); the uid has none but those below.
    securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
    containers: [container(fleet, spec, spec.image ?? defaultImage)],
    volumes: [
      { name: "state", hostPath: { path: STATE_FOLDER, type: "DirectoryOrCreate" } },
      { name: "run", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      { name: "report-token", projected: { sources: [{ serviceAccountToken: { audience: REPORT_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: "token" } }] } },
      // Optional: who cannot have the key goes on without, and says so.
      { name: "mark-key", secret: { secretName: markKeySecret, optional: true, defaultMode: READ_BY_OWNER, items: [{ key: MARK_KEY_FIELD, path: MARK_KEY_FIELD }] } },
    ],
  };
}

const ARCHITECTURES = { key: "kubernetes.io/arch", operator: "In", values: ["amd64", "arm64"] };
const NO_VIRTUAL_NODE = [
  { key: "type", operator: "NotIn", values: ["virtual-kubelet"] },
  { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] },
];

function container(fleet: string, spec: SensorFleetSpec, image: string): object {
  return {
    name: "sensor",
    image,
    imagePullPolicy: spec.imagePullPolicy,
    args: sensorArgs(spec),
    env: [
      fromField("NODE_NAME", "spec.nodeName"),
      fromField("POD_NAME", "metadata.name"),
      fromField("POD_NAMESPACE", "metadata.namespace"),
      fromField("HOST_IP", "status.hostIP"),
      { name: "FLEET_NAME", value: fleet },
      { name: "STATE_DIR", value: STATE_FOLDER },
      // What V8 made of the program: a node is unprotected while its sensor starts (sensor/compileCache.ts).
      { name: "NODE_COMPILE_CACHE", value: `${STATE_FOLDER}/compile-cache` },
      // `flowreset stop` by kubectl exec holds until `flowreset start`, whichever pod the node has by then.
      { name: "FLOWRESET_STOP_FILE", value: `${STATE_FOLDER}/stop` },
      { name: "REPORT_TOKEN_FILE", value: `${TOKEN_FOLDER}/token` },
      { name: "MARK_KEY_FILE", value: `${MARK_KEY_FOLDER}/${MARK_KEY_FIELD}` },
      { name: "NODE_OPTIONS", value: NODE_OPTIONS },
    ],
    resources: { requests: { ...spec.resources.requests }, limits: { ...spec.resources.limits } },
    livenessProbe: probe(spec, "/healthz", { initialDelaySeconds: 15, periodSeconds: 20, failureThreshold: 3 }),
    readinessProbe: probe(spec, "/readyz", { periodSeconds: 5, failureThreshold: 2 }),
    startupProbe: probe(spec, "/healthz", { periodSeconds: 2, failureThreshold: 60 }),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "state", mountPath: STATE_FOLDER },
      { name: "run", mountPath: RUN_FOLDER },
      { name: "report-token", mountPath: TOKEN_FOLDER, readOnly: true },
      { name: "mark-key", mountPath: MARK_KEY_FOLDER, readOnly: true },
    ],
  };
}

/** What a sensor must know before it reads its SensorFleet; the rest it follows there, without a new pod. */
function sensorArgs({ capture, healthPort, logLevel }: SensorFleetSpec): string[] {
  return [
    "sensor",
    "--cluster",
    `--listen=127.0.0.1:${healthPort}`,
    // Whatever the fleet says: libpcap's library is not in the image, and a sensor that asks for it does not start.
    "--capture=ring",
    `--workers=${capture.workers}`,
    `--busy-poll=${capture.busyPollMicroseconds}`,
    `--table-capacity=${capture.tableCapacity}`,
    `--log-level=${logLevel}`,
    ...(capture.interfaces.length > 0 ? ["--interface", ...capture.interfaces] : []),
  ];
}

/** The kubelet is on the same node, and the pod in its network: nobody else need reach this. */
function probe({ healthPort }: SensorFleetSpec, path: string, times: object): object {
  return { httpGet: { host: "127.0.0.1", path, port: healthPort, scheme: "HTTP" }, timeoutSeconds: 5, ...times };
}

function fromField(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } };
}
