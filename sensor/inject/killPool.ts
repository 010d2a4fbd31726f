/**
 * The kills at work, and which one a packet belongs to: by the flow record's Kill word where the connection has a
 * record, else by its tuple. The Kill word holds the index, -1 for none.
 */
import { Field } from "../flow/mod.ts";
import type { FlowTable } from "../flow/mod.ts";
import { PacketDirection } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { Kill, KillPhase } from "./kill.ts";
import type { End } from "./kill.ts";

/** Made at the start, so that no RST waits for memory; further ones when they are needed. */
const KILLS_AT_HAND = 64;

export class KillPool {
  readonly #table: FlowTable;
  readonly #limit: number;
  readonly #kills: Kill[] = [];
  /** Indices of kills that are free to use again. */
  readonly #free: number[] = [];
  /** Kills without a flow record; `#ports` beside them for a quick look. */
  readonly #unattached: Kill[] = [];
  readonly #unattachedPorts: Int32Array;
  readonly #unattachedLimit: number;
  active = 0;

  constructor(table: FlowTable, limit: number, unattachedLimit: number) {
    this.#table = table;
    this.#limit = limit;
    this.#unattachedLimit = unattachedLimit;
    this.#unattachedPorts = new Int32Array(unattachedLimit);
    for (let index = Math.min(limit, KILLS_AT_HAND) - 1; index >= 0; index--) this.#free.push(index);
    while (this.#kills.length < this.#free.length) this.#kills.push(new Kill(this.#kills.length));
  }

  at(index: number): Kill {
    return this.#kills[index];
  }

  get unattachedCount(): number {
    return this.#unattached.length;
  }

  get hasRoomForUnattached(): boolean {
    return this.#unattached.length < this.#unattachedLimit;
  }

  /** A fresh kill, or undefined at the limit. */
  acquire(): Kill | undefined {
    let kill: Kill;
    if (this.#free.length > 0) {
      kill = this.#kills[this.#free.pop()!];
    } else {
      if (this.#kills.length >= this.#limit) return undefined;
      kill = new Kill(this.#kills.length);
      this.#kills.push(kill);
    }
    kill.reset();
    kill.serial = (kill.serial + 1) | 0;
    kill.phase = KillPhase.Waiting;
    this.active++;
    return kill;
  }

  release(kill: Kill): void {
    this.#detachRecord(kill.slot, kill.generation, kill);
    this.#detachRecord(kill.twin, kill.twinGeneration, kill);
    this.#forgetUnattached(kill);
    kill.phase = KillPhase.Free;
    this.active--;
    this.#free.push(kill.index);
  }

  /** The kill that works on this record, if it still is the same connection. */
  ofSlot(slot: number): Kill | undefined {
    if (slot < 0) return undefined;
    const index = this.#table.words[this.#table.base(slot) + Field.Kill];
    if (index < 0 || index >= this.#kills.length) return undefined;
    const kill = this.#kills[index];
    if (kill.phase === KillPhase.Free) return undefined;
    const generation = this.#table.generation(slot);
    if (slot === kill.slot && generation === kill.generation) return kill;
    if (slot === kill.twin && generation === kill.twinGeneration) return kill;
    return undefined;
  }

  attach(kill: Kill, slot: number): void {
    this.#forgetUnattached(kill);
    kill.slot = slot;
    kill.generation = this.#table.generation(slot);
    this.#table.words[this.#table.base(slot) + Field.Kill] = kill.index;
  }

  attachTwin(kill: Kill, twin: number, flip: number): void {
    kill.twin = twin;
    kill.twinGeneration = this.#table.generation(twin);
    kill.twinFlip = flip;
    this.#table.words[this.#table.base(twin) + Field.Kill] = kill.index;
  }

  /** The record `slot` goes: the kill lives on by its tuple. False where too many do already. */
  detach(kill: Kill, slot: number): boolean {
    if (slot === kill.twin) {
      this.#detachRecord(kill.twin, kill.twinGeneration, kill);
      kill.twin = -1;
      return true;
    }
    this.#detachRecord(kill.slot, kill.generation, kill);
    kill.slot = -1;
    return this.remember(kill);
  }

  /** Finds this kill by its tuple from now on. False at the limit. */
  remember(kill: Kill): boolean {
    if (this.#unattached.length >= this.#unattachedLimit) return false;
    this.#unattachedPorts[this.#unattached.length] = portsOf(kill.clientPort, kill.serverPort);
    this.#unattached.push(kill);
    return true;
  }

  /** The kill without a record whose tuple this packet has, in either direction. */
  ofTuple(packet: Packet): Kill | undefined {
    const count = this.#unattached.length;
    if (count === 0) return undefined;
    const forward = portsOf(packet.sourcePort, packet.destinationPort);
    const backward = portsOf(packet.destinationPort, packet.sourcePort);
    for (let place = 0; place < count; place++) {
      const ports = this.#unattachedPorts[place];
      if (ports !== forward && ports !== backward) continue;
      const kill = this.#unattached[place];
      if (isFromClient(kill, packet) || isFromServer(kill, packet)) return kill;
    }
    return undefined;
  }

  forEach(visit: (kill: Kill) => void): void {
    for (let index = 0; index < this.#kills.length; index++) {
      if (this.#kills[index].phase !== KillPhase.Free) visit(this.#kills[index]);
    }
  }

  #detachRecord(slot: number, generation: number, kill: Kill): void {
    if (slot < 0 || this.#table.generation(slot) !== generation) return;
    const word = this.#table.base(slot) + Field.Kill;
    if (this.#table.words[word] === kill.index) this.#table.words[word] = -1;
  }

  #forgetUnattached(kill: Kill): void {
    const place = this.#unattached.indexOf(kill);
    if (place < 0) return;
    const last = this.#unattached.length - 1;
    this.#unattached[place] = this.#unattached[last];
    this.#unattachedPorts[place] = this.#unattachedPorts[last];
    this.#unattached.pop();
  }
}

export function isFromClient(kill: Kill, packet: Packet): boolean {
  const address = kill.address;
  return packet.sourcePort === kill.clientPort && packet.destinationPort === kill.serverPort
    && packet.source0 === address[0] && packet.source1 === address[1] && packet.source2 === address[2] && packet.source3 === address[3]
    && packet.destination0 === address[4] && packet.destination1 === address[5] && packet.destination2 === address[6] && packet.destination3 === address[7];
}

function isFromServer(kill: Kill, packet: Packet): boolean {
  const address = kill.address;
  return packet.destinationPort === kill.clientPort && packet.sourcePort === kill.serverPort
    && packet.destination0 === address[0] && packet.destination1 === address[1] && packet.destination2 === address[2] && packet.destination3 === address[3]
    && packet.source0 === address[4] && packet.source1 === address[5] && packet.source2 === address[6] && packet.source3 === address[7];
}

function portsOf(client: number, server: number): number {
  return (client << 16) | server;
}

/** To the other end, from one whose own interface is not seen here. */
export function isOnItsWay(packet: Packet, from: End, to: End): boolean {
  return from.nearInterface === 0 && to.nearInterface === packet.interfaceIndex && packet.direction === PacketDirection.Outgoing;
}
