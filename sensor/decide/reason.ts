/** Why a flow is not reset, or not held. The texts are API: metrics, events and conditions carry them. */
export const Reason = {
  /** Nobody of the object's namespace has an end of it. */
  ForeignNamespace: "ForeignNamespace",
  /** An address of the object's namespace, seen at an interface that is not that pod's own; or two joined by forged packets. */
  SpoofedInterface: "SpoofedInterface",
  /** An end is a pod's of which the API server has not told yet. */
  UnknownPod: "UnknownPod",
  // What keeps the cluster, the node or the sensor alive, and is never reset (protection.ts says which is which).
  ProtectedApiServer: "ProtectedApiServer",
  ProtectedKubelet: "ProtectedKubelet",
  ProtectedEtcd: "ProtectedEtcd",
  ProtectedNodeHealth: "ProtectedNodeHealth",
  ProtectedClusterDns: "ProtectedClusterDns",
  ProtectedProbe: "ProtectedProbe",
  ProtectedReportStream: "ProtectedReportStream",
  ProtectedManagementPort: "ProtectedManagementPort",
  ProtectedSession: "ProtectedSession",
  ProtectedEndpoint: "ProtectedEndpoint",
  /** An exemption of the policy, or of a cluster policy, covers an endpoint. */
  Exempt: "Exempt",
  /** The finding does not reach the policy's minConfidence. */
  LowConfidence: "LowConfidence",
  /** Neither both sides were seen, nor one whose acknowledgements advance. */
  NotSeenAlive: "NotSeenAlive",
  /** Another connection has taken the place of the one that the finding is about. */
  NewConnection: "NewConnection",
  /** It has ended by itself. */
  AlreadyClosed: "AlreadyClosed",
  /** Two interfaces claim the same side. */
  Contested: "Contested",
  /** TCP-MD5 or TCP-AO: the ends ignore forged RSTs. */
  Authenticated: "Authenticated",
  /** It carries several parties, and the policy does not allow that. */
  SharedConnection: "SharedConnection",
  AlreadyBeingReset: "AlreadyBeingReset",
  FlowBudget: "FlowBudget",
  PolicyBudget: "PolicyBudget",
  NodeBudget: "NodeBudget",
  /** Nothing is injected on this node at all. */
  EmergencyStop: "EmergencyStop",
  /** The packets are of a capture file: there is nobody to reset. */
  Replay: "Replay",
  ObserveMode: "ObserveMode",
  /** The fleet does not let the object's namespace enforce. */
  NamespaceNotEnforced: "NamespaceNotEnforced",
  /** The fleet observes only: its emergency stop. */
  ObserveOnlyFleet: "ObserveOnlyFleet",
  /** The policies are those of a sync longer ago than maxPolicyAge. */
  PolicyTooOld: "PolicyTooOld",
  DryRun: "DryRun",
  /** Only the hold is refused: many parties stand behind the client's address. */
  SharedClient: "SharedClient",
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];
