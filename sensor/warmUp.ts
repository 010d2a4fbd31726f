/**
 * Makes the kill path quick before the first packet comes: V8 compiles what has run often, for what it has seen. So
 * conversations of our own making, as varied as real ones (rehearsal.ts), go through a packet loop of their own, whose
 * forged packets reach nobody else, and the first attack after the start is met by the same machine code as the
 * thousandth. It lives on and plays one more while nothing happens: V8 drops compiled code whose objects have died, or
 * that did not run for long. The main thread compiles the policy for it (warmUpPolicy.ts).
 */
import { emptyStatistics } from "./capture/mod.ts";
import type { PacketSource } from "./capture/mod.ts";
import { createClaims } from "./decide/mod.ts";
import { Outcome } from "./inject/mod.ts";
import { PacketLoop } from "./packetLoop.ts";
import { CLIENTS, clientWords, CONVERSATIONS, Interface, Rehearsal, Server, serverWords } from "./rehearsal.ts";
import { Counters, RecordRing } from "./report/mod.ts";
import { createHomes, HomesWriter } from "./topology/mod.ts";
import type { NetworkInterface, Placement } from "./topology/mod.ts";
import type { WorkerStart } from "./workerMessages.ts";

/** The least that a record ring may have; what does not fit is dropped, as it is live. */
const RECORD_BYTES = 131_072;
const TABLE_CAPACITY = 4_096;

const NO_PACKETS: PacketSource = {
  poll: () => 0,
  statistics: emptyStatistics,
  wake() {},
  close() {},
};

export class WarmUp {
  readonly #rehearsal = new Rehearsal();
  readonly #records = new RecordRing(RECORD_BYTES);
  readonly #loop: PacketLoop;

  /** Make it after the loop that is to work: V8 takes for constant what it has seen of one object only. */
  constructor(start: WorkerStart) {
    this.#loop = new PacketLoop({
      start: {
        ...start,
        compiled: start.warmUpCompiled,
        labels: [0],
        labelNames: [],
        tableCapacity: TABLE_CAPACITY,
        stop: new SharedArrayBuffer(4),
        counters: new Counters().buffer,
        records: this.#records.buffer,
        homes: start.homes === undefined ? undefined : rehearsalHomes(),
        claims: start.claims === undefined ? undefined : createClaims(),
      },
      source: NO_PACKETS,
      sink: this.#rehearsal,
      clock: () => this.#rehearsal.nowMs,
      answer() {},
      setFilter() {},
    });
    for (let number = 0; number < CONVERSATIONS; number++) this.again();
  }

  /** One more conversation: about a fifth of a millisecond. */
  again(): void {
    this.#rehearsal.play(this.#loop);
    this.#records.read(() => {});
  }

  get killed(): number {
    return this.#loop.pipeline.injector.counters.started;
  }

  get confirmed(): number {
    return this.#loop.pipeline.injector.counters.outcomes[Outcome.Confirmed]!;
  }
}

/** Two pods of the node, and what is beyond its uplink. */
function rehearsalHomes(): SharedArrayBuffer {
  const homes = createHomes();
  const interfaces: NetworkInterface[] = Object.values(Interface).map((index) => ({
    index, name: `rehearsal${index}`, kind: index === Interface.Uplink ? "Uplink" : "Pod", hardwareType: 1, up: true, master: 0, mtu: 1_500, addresses: [],
  }));
  const placements: Placement[] = [{ words: serverWords(Server.Near), home: Interface.Server, local: false, gateway: false }];
  for (let number = 0; number < CLIENTS; number++) placements.push({ words: clientWords(number), home: Interface.Client, local: false, gateway: false });
  new HomesWriter(homes).publish(interfaces, placements);
  return homes;
}
