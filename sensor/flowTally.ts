/** What packets did to flows, counted for the metrics: FlowTracker says it packet by packet and remembers nothing. */
import { FlowEvent } from "./flow/mod.ts";

/** Rare in ordinary traffic, so that the packet path asks once. */
export const TALLIED = FlowEvent.Established | FlowEvent.Closed | FlowEvent.Retransmission | FlowEvent.OutOfOrder | FlowEvent.Gap;

export class FlowTally {
  established = 0;
  closed = 0;
  retransmissions = 0;
  outOfOrder = 0;
  gaps = 0;

  /** `event` is FlowEvent bits of one packet. */
  add(event: number): void {
    if ((event & FlowEvent.Established) !== 0) this.established++;
    if ((event & FlowEvent.Closed) !== 0) this.closed++;
    if ((event & FlowEvent.Retransmission) !== 0) this.retransmissions++;
    if ((event & FlowEvent.OutOfOrder) !== 0) this.outOfOrder++;
    if ((event & FlowEvent.Gap) !== 0) this.gaps++;
  }
}
