/**
 * Who opened a connection that was first seen in the middle: an endpoint that was seen to answer a SYN listens;
 * else the lower port listens. A small memory of listeners, overwritten by the latest.
 */

import { LISTENERS } from "./limits.ts";

export class Listeners {
  private readonly endpoints = new Int32Array(LISTENERS);

  /** @param hash of the endpoint, from TupleHash */
  remember(hash: number): void {
    this.endpoints[(hash >>> 8) & (LISTENERS - 1)] = hash | 1;
  }

  has(hash: number): boolean {
    return this.endpoints[(hash >>> 8) & (LISTENERS - 1)] === (hash | 1);
  }

  /** True where the source of a packet is rather the initiator than its destination. */
  sourceIsInitiator(sourceHash: number, sourcePort: number, destinationHash: number, destinationPort: number): boolean {
    const sourceListens = this.has(sourceHash);
    if (sourceListens !== this.has(destinationHash)) return !sourceListens;
    return sourcePort >= destinationPort;
  }
}
