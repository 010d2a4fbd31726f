/**
 * How a reset ended, with the evidence for it. One record is reused for every outcome: whoever is told copies what
 * it needs before it returns.
 */

export const Outcome = { Confirmed: 0, Unconfirmed: 1, Evaded: 2, Failed: 3 } as const;

export const OutcomeReason = {
  // Confirmed
  CutAfterEstablished: 0,
  RefusedBeforeEstablished: 1,
  /** Both ends were dead before a RST was spent. */
  AlreadyDead: 2,
  // Unconfirmed
  /** An end neither died for all to see nor showed life: silence is not a proof. */
  Silent: 3,
  /** The numbers on the tuple jumped without a SYN: another connection, or one of which too much went unseen. */
  NumbersLost: 12,
  // Evaded
  LivesOn: 4,
  /** Takes back a Confirmed: the same connection moved again. */
  MovedAfterConfirmed: 5,
  // Failed
  /** TCP-MD5 or TCP-AO: a forged RST is not accepted, so none is spent. */
  Authenticated: 6,
  /** Nothing was seen that tells an exact number, and asking was not allowed. */
  NumbersUnknown: 7,
  /** `limits.kills` or `limits.unattachedKills` is reached. */
  KillLimit: 8,
  /** The kernel refused to send to every end that was meant. */
  NoRoute: 9,
  /** The emergency stop came first. */
  Stopped: 10,
} as const;

/** What is known of one end. The first group says alive or nothing, the second dead. */
export const Proof = {
  None: 0,
  /** It answered a keep-alive probe or the SYN oracle with an ACK, after an exact RST. */
  AnsweredProbe: 1,
  SentData: 2,
  SentAck: 3,

  /** Its own RST, from its own interface, with a number that only its socket or its kernel sends. */
  OwnRst: 8,
  RstInAnswerToProbe: 9,
  RstInAnswerToSyn: 10,
  /** It took the SYN oracle for a new connection, which was reset. */
  SynAckInAnswerToSyn: 11,
  /** A new connection was opened on the same tuple: the old socket is gone. */
  Replaced: 12,
  /** A refused client's server that never answered the SYN. */
  NeverAnswered: 13,
} as const;

export function isDeath(proof: number): boolean {
  return proof >= Proof.OwnRst;
}

export function outcomeName(outcome: number): string {
  return nameOf(Outcome, outcome);
}

export function outcomeReasonName(reason: number): string {
  return nameOf(OutcomeReason, reason);
}

export function proofName(proof: number): string {
  return nameOf(Proof, proof);
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  for (const name of Object.keys(names)) if (names[name] === value) return name;
  return `Unknown(${value})`;
}

/** One end in an outcome. */
export class EndEvidence {
  /** False where the request spared this end. */
  targeted = true;
  /** Proof. */
  proof: number = Proof.None;
  /** When that was seen, on the packets' clock. */
  provenMs = 0;
  rsts = 0;
  probes = 0;
  /** Payload bytes that this end sent after the kill began. */
  bytesAfter = 0;
  /** errno of the last send that failed, 0 for none. */
  sendError = 0;
}

export class OutcomeRecord {
  outcome: number = Outcome.Failed;
  reason: number = OutcomeReason.NumbersUnknown;

  /** Flow record, -1 where it is gone or never was; its generation when the kill began. */
  slot = -1;
  generation = 0;
  /** The tuple as the flow record has it; address words as in Packet. */
  readonly address = new Int32Array(8);
  clientPort = 0;
  serverPort = 0;
  /** Joins the results of several sensors; 0 where not seen. */
  clientIsn = 0;
  serverIsn = 0;
  readonly client = new EndEvidence();
  readonly server = new EndEvidence();

  /** Told a second time, for a request that joined a kill: `origin` is that one's. */
  joined = false;
  /** As the request named them: nothing here knows what they mean. */
  policy = -1;
  rule = -1;
  origin = -1;
  /** True where a hold, not a request, refused the connection. */
  byHold = false;
  target = 0;
  /** Asked for at the SYN. */
  refuse = false;
  /** Another node's sensor was to act first. */
  isSecondActor = false;
  /** Multipath TCP: the connection lives on where another subflow does. */
  mptcp = false;

  /** On the packets' clock; firstRstMs is 0 where none was sent. */
  detectedMs = 0;
  startedMs = 0;
  firstRstMs = 0;
  decidedMs = 0;
  rsts = 0;
  probes = 0;
}
