/** What became of one FlowReset here, as the local run tells it: `flows` are those that this word adds. */

export interface Ended {
  readonly ip: string;
  readonly port: number;
}

export interface EndedFlow {
  readonly connection: string;
  readonly client: Ended;
  readonly server: Ended;
  readonly outcome: "Confirmed" | "Unconfirmed" | "Evaded" | "Failed" | "WouldReset";
  readonly reason: string;
  readonly suppressed: boolean;
  readonly rsts: number;
  readonly actor: "first" | "second";
  readonly timeToFirstRstMicroseconds: number | null;
}

export interface ResetResult {
  readonly uid: string;
  readonly kind: "FlowReset" | "ClusterFlowReset";
  /** Empty for a cluster kind. */
  readonly namespace: string;
  readonly name: string;
  readonly phase: "Active" | "Done" | "Failed";
  readonly reason?: string;
  readonly message?: string;
  /** Connections here. */
  readonly matched: number;
  readonly flows: readonly EndedFlow[];
  readonly startedAt: string;
  readonly finishedAt?: string;
}
