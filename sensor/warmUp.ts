/**
 * Makes the kill path quick within the first second: V8 compiles what has run often, for what it has seen. So
 * conversations of our own making, as varied as real ones (rehearsal.ts), go through a packet loop of their own, whose
 * forged packets reach nobody else, between the packets of the loop that works; an attack that comes after them is met
 * by the same machine code as the thousandth. It lives on and plays one more while nothing happens: V8 drops compiled
 * code whose objects have died, or that did not run for long. The main thread compiles the policy for it
 * (warmUpPolicy.ts).
 */
import { emptyStatistics } from "./capture/mod.ts";
import type { PacketSource } from "./capture/mod.ts";
import { createBudgets, createClaims } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import { Outcome } from "./inject/mod.ts";
import type { InjectCounters } from "./inject/mod.ts";
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

/** A loop that hears and reaches nobody but its rehearsal. */
interface Scene {
  readonly rehearsal: Rehearsal;
  readonly records: RecordRing;
  readonly loop: PacketLoop;
}

export class WarmUp {
  readonly #scenes: Scene[];
  #played = 0;

  /**
   * Two scenes in turn, with different policies and functions: what V8 has seen of one object only it takes for
   * constant, and the loop that works would be met by code for another.
   * @param policies of compileWarmUp()
   */
  constructor(start: WorkerStart, policies: readonly CompiledPolicy[]) {
    const homes = start.homes === undefined ? undefined : rehearsalHomes();
    this.#scenes = policies.map((compiled, number) => openScene({ ...start, compiled, homes }, number));
  }

  /** The kill path is compiled. */
  get isDone(): boolean {
    return this.#played >= CONVERSATIONS;
  }

  /** How many of the scenes that are left were killed so far, and proved dead. */
  get outcome(): { readonly killed: number; readonly confirmed: number } {
    return {
      killed: sum(this.#scenes, ({ started }) => started),
      confirmed: sum(this.#scenes, ({ outcomes }) => outcomes[Outcome.Confirmed]!),
    };
  }

  /** One more conversation: about a fifth of a millisecond once it is compiled. */
  play(): void {
    // One plays on.
    if (this.isDone) this.#scenes.length = 1;
    play(this.#scenes[this.#played++ % this.#scenes.length]!);
  }
}

function play({ rehearsal, records, loop }: Scene): void {
  rehearsal.play(loop);
  records.read(() => {});
}

function sum(scenes: readonly Scene[], count: (counters: InjectCounters) => number): number {
  return scenes.reduce((total, { loop }) => total + count(loop.pipeline.injector.counters), 0);
}

function openScene(start: WorkerStart, number: number): Scene {
  const rehearsal = new Rehearsal();
  const records = new RecordRing(RECORD_BYTES);
  // Not one function made twice: that would still be one to V8. And the same form as in worker.ts.
  const isOdd = number % 2 === 1;
  const loop = new PacketLoop({
    start: {
      ...start,
      labels: structuredClone([0]),
      labelNames: [],
      tableCapacity: TABLE_CAPACITY,
      stop: new SharedArrayBuffer(4),
      counters: new Counters().buffer,
      records: records.buffer,
      budgets: createBudgets(start.seed),
      claims: start.claims === undefined ? undefined : createClaims(),
    },
    source: NO_PACKETS,
    sink: isOdd ? { send: (outbox) => rehearsal.send(outbox), close() {} } : { send: (outbox) => rehearsal.send(outbox), close() {} },
    clock: isOdd ? () => rehearsal.nowMs : () => rehearsal.nowMs,
    answer() {},
    setFilter() {},
  });
  return { rehearsal, records, loop };
}

/** Two pods of the node, and what is beyond its uplink. */
function rehearsalHomes(): SharedArrayBuffer {
  const homes = createHomes();
  const interfaces: NetworkInterface[] = Object.values(Interface).map((index) => ({
    index, name: `rehearsal${index}`, kind: index === Interface.Uplink ? "Uplink" : "Pod", hardwareType: 1, up: true, master: 0, mtu: 1_500, hardwareAddress: "", addresses: [],
  }));
  const placements: Placement[] = [{ words: serverWords(Server.Near), home: Interface.Server, local: false, gateway: false }];
  for (let number = 0; number < CLIENTS; number++) placements.push({ words: clientWords(number), home: Interface.Client, local: false, gateway: false });
  new HomesWriter(homes).publish(interfaces, placements);
  return homes;
}
