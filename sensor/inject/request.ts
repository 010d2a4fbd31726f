/** What inject is asked to do. Reused by the caller: everything is copied before `start()` returns. */

export const KillTarget = { Both: 0, Client: 1, Server: 2 } as const;

/** What `start()` did with a request. Every failure is also reported as an outcome. */
export const StartResult = {
  Started: 0,
  /** A kill already works on this connection: it was widened where the request asks for more. */
  Joined: 1,
  Failed: 2,
  /** As Joined, but its outcome is told to the one that joined before only. */
  JoinedUntold: 3,
} as const;

export class KillRequest {
  slot = -1;
  /** Side whose packet was the reason (0 initiator); -1 where no packet was. */
  side = -1;
  /** KillTarget. */
  target: number = KillTarget.Both;
  /**
   * At the SYN: answer it with RST|ACK. Where the SYN-ACK was seen meanwhile the connection is cut instead. One that is
   * not established yet is refused in any case.
   */
  refuse = false;
  /** For a FlowReset: a SYN may be sent to learn the numbers of a silent connection. Never from detection. */
  mayAsk = false;
  /** RSTs that may be spent, both ends together; 0: `limits.rstsPerKill`. */
  rstBudget = 0;
  /** Another sensor is nearer to this flow: let it act for so long first. 0 or `limits.otherSensorMs`. */
  delayMs = 0;
  /** When the packet that was the reason was captured; 0: now. */
  detectedMs = 0;
  /** Where a kill already works on the connection: tell its outcome a second time, with this request's origin. */
  tellJoined = false;
  /** Given back in the outcome, never looked at. */
  policy = -1;
  rule = -1;
  origin = -1;
}

/** A connection that this sensor has not seen, by its tuple as the near end knows it. Reused by the caller. */
export class UnseenTuple {
  /** Client then server, four words each as in Packet. */
  readonly address = new Int32Array(8);
  clientPort = 0;
  serverPort = 0;
}
