/**
 * Fills in how packets reach each end, from what the flow record (and its NAT twin) saw at the taps. A near end
 * gets the tuple, MACs and VLAN tag of its own interface. By a raw socket an end gets the tuple that its peer's packets
 * come in with: from that one the kernel's NAT makes its own.
 */
import { EtherType, LinkHeader, PacketDirection } from "../decode/mod.ts";
import type { SegmentSpec } from "../decode/mod.ts";
import { InterfaceKind, SideField, TapInfo } from "../flow/mod.ts";
import type { FlowTable, Homes } from "../flow/mod.ts";
import type { Delivery, End, Kill } from "./kill.ts";
import { Route } from "./outbox.ts";
import { Way, otherWayTo, rawRoute, wayTo } from "./route.ts";
import type { InjectRoute, Sight } from "./route.ts";

const DEFAULT_TTL = 64;
const NO_TAP: Sight = { interfaceIndex: 0, incoming: false, kind: InterfaceKind.Unknown };

export class Deliveries {
  readonly #table: FlowTable;
  readonly #interfaces: Pick<Homes, "kindOf">;
  #route: InjectRoute;

  constructor(table: FlowTable, interfaces: Pick<Homes, "kindOf">, route: InjectRoute) {
    this.#table = table;
    this.#interfaces = interfaces;
    this.#route = route;
  }

  use(route: InjectRoute): void {
    this.#route = route;
  }

  /** For a kill at work: the route is another one. */
  resolveAgain(kill: Kill): void {
    if (kill.slot >= 0 || kill.twin >= 0) this.resolve(kill);
    else this.resolveUnseen(kill);
  }

  /** For a kill with a flow record, or a twin at least; again when its twin becomes known. */
  resolve(kill: Kill): void {
    kill.knownTaps = this.#knownTaps(kill);
    this.#resolveEnd(kill, kill.client);
    this.#resolveEnd(kill, kill.server);
  }

  /** Again where an end has shown itself since: of a connection that is refused at its SYN only the client was seen. */
  keepUp(kill: Kill): void {
    if ((this.#knownTaps(kill) & ~kill.knownTaps) !== 0) this.resolve(kill);
  }

  #knownTaps({ slot, twin }: Kill): number {
    const table = this.#table;
    let known = 0;
    if (slot >= 0) known |= (table.tap(slot, 0) === 0 ? 0 : 1) | (table.tap(slot, 1) === 0 ? 0 : 2);
    if (twin >= 0) known |= (table.tap(twin, 0) === 0 ? 0 : 4) | (table.tap(twin, 1) === 0 ? 0 : 8);
    return known;
  }

  /** For a connection without a record: the kernel must find the way. */
  resolveUnseen(kill: Kill): void {
    this.#raw(kill, kill.client, kill.client.delivery, -1, 0);
    this.#raw(kill, kill.server, kill.server.delivery, -1, 0);
  }

  #resolveEnd(kill: Kill, end: End): void {
    const twinSide = kill.twin < 0 ? 0 : end.side ^ kill.twinFlip;
    let slot = kill.slot;
    let side = end.side;
    let sight = this.#sight(slot, side);
    if (kill.twin >= 0 && wayTo(sight, this.#route) !== Way.Frame) {
      const other = this.#sight(kill.twin, twinSide);
      if (wayTo(other, this.#route) === Way.Frame) {
        slot = kill.twin;
        side = twinSide;
        sight = other;
      }
    }
    const way = wayTo(sight, this.#route);
    const otherWay = otherWayTo(sight, this.#route);
    end.nearInterface = way === Way.Frame ? sight.interfaceIndex : 0;
    end.hasFallback = otherWay !== Way.None;
    // The kernel's NAT knows the tuple that the other end's packets come in with.
    const peer = 1 - end.side;
    const viaTwin = kill.twin >= 0 && this.#nearness(kill.twin, peer ^ kill.twinFlip) > this.#nearness(kill.slot, peer);
    const rawSlot = viaTwin ? kill.twin : kill.slot;
    const rawSide = viaTwin ? twinSide : end.side;
    if (way === Way.Frame) this.#frame(end.delivery, slot, side);
    else this.#raw(kill, end, end.delivery, rawSlot, rawSide);
    if (otherWay === Way.Frame) this.#frame(end.fallback, slot, side);
    else if (otherWay === Way.Raw) this.#raw(kill, end, end.fallback, rawSlot, rawSide);
  }

  /** 2 where frames reach that side by the tuple of `slot`, 1 where its packets at least come in with it, else 0. */
  #nearness(slot: number, side: number): number {
    const sight = this.#sight(slot, side);
    if (wayTo(sight, this.#route) === Way.Frame) return 2;
    return sight.incoming ? 1 : 0;
  }

  #sight(slot: number, side: number): Sight {
    const table = this.#table;
    const interfaceIndex = slot < 0 ? 0 : table.tap(slot, side);
    if (interfaceIndex === 0) return NO_TAP;
    const tap = table.side(slot, side, SideField.TapInfo);
    const direction = (tap & TapInfo.DirectionMask) >> TapInfo.DirectionShift;
    // A frame that carried a tunnel, or a tag that is not kept, cannot be made again.
    const plain = (tap & (TapInfo.Tunnel | TapInfo.InnerTag)) === 0;
    return { interfaceIndex, incoming: direction !== PacketDirection.Outgoing && plain, kind: this.#interfaces.kindOf(interfaceIndex) };
  }

  #frame(delivery: Delivery, slot: number, side: number): void {
    const table = this.#table;
    const spec = delivery.spec;
    const tap = table.side(slot, side, SideField.TapInfo);
    delivery.route = Route.Frame;
    delivery.interfaceIndex = table.tap(slot, side);
    spec.linkHeader = (tap & TapInfo.NoLinkHeader) !== 0 ? LinkHeader.None : LinkHeader.Ethernet;
    mirrorMacs(spec, table.side(slot, side, SideField.Macs), table.side(slot, side, SideField.Macs + 1), table.side(slot, side, SideField.Macs + 2));
    const tci = tap & TapInfo.VlanMask;
    spec.vlanTci = tci === TapInfo.NoVlan ? -1 : tci;
    spec.vlanTpid = (tap & TapInfo.ServiceTag) !== 0 ? EtherType.QinQ : EtherType.Vlan;
    this.#address(spec, slot, side);
    spec.ttl = this.#ttlOf(slot, 1 - side);
  }

  /** `slot` -1: the kill's own tuple. */
  #raw(kill: Kill, end: End, delivery: Delivery, slot: number, side: number): void {
    const spec = delivery.spec;
    spec.linkHeader = LinkHeader.None;
    spec.vlanTci = -1;
    if (slot >= 0) {
      this.#address(spec, slot, side);
    } else {
      addressFromKill(spec, kill, end);
    }
    delivery.route = rawRoute(spec.ipVersion === 4);
    delivery.interfaceIndex = this.#route === "near" ? 0 : this.#route.interfaceIndex;
    // A decoy with a low TTL must not make ours die on the way.
    spec.ttl = slot >= 0 ? Math.max(this.#ttlOf(slot, 1 - side), DEFAULT_TTL) : DEFAULT_TTL;
  }

  #address(spec: SegmentSpec, slot: number, side: number): void {
    const table = this.#table;
    const peer = 1 - side;
    spec.ipVersion = table.isIpv4(slot) ? 4 : 6;
    spec.destination0 = table.addressWord(slot, side, 0);
    spec.destination1 = table.addressWord(slot, side, 1);
    spec.destination2 = table.addressWord(slot, side, 2);
    spec.destination3 = table.addressWord(slot, side, 3);
    spec.source0 = table.addressWord(slot, peer, 0);
    spec.source1 = table.addressWord(slot, peer, 1);
    spec.source2 = table.addressWord(slot, peer, 2);
    spec.source3 = table.addressWord(slot, peer, 3);
    spec.destinationPort = table.port(slot, side);
    spec.sourcePort = table.port(slot, peer);
  }

  /** TTL of the packets of that side as last seen. */
  #ttlOf(slot: number, side: number): number {
    const ttl = this.#table.side(slot, side, SideField.IpInfo) & 0xff;
    return ttl === 0 ? DEFAULT_TTL : ttl;
  }
}

/** Destination and source change places: words are d0d1d2d3 d4d5s0s1 s2s3s4s5. */
function mirrorMacs(spec: SegmentSpec, macs0: number, macs1: number, macs2: number): void {
  spec.macs0 = (macs1 << 16) | (macs2 >>> 16);
  spec.macs1 = (macs2 << 16) | (macs0 >>> 16);
  spec.macs2 = (macs0 << 16) | (macs1 >>> 16);
}

function addressFromKill(spec: SegmentSpec, kill: Kill, end: End): void {
  const to = end.side * 4;
  const from = 4 - to;
  const address = kill.address;
  spec.ipVersion = kill.isIpv4 ? 4 : 6;
  spec.destination0 = address[to];
  spec.destination1 = address[to + 1];
  spec.destination2 = address[to + 2];
  spec.destination3 = address[to + 3];
  spec.source0 = address[from];
  spec.source1 = address[from + 1];
  spec.source2 = address[from + 2];
  spec.source3 = address[from + 3];
  spec.destinationPort = end.side === 0 ? kill.clientPort : kill.serverPort;
  spec.sourcePort = end.side === 0 ? kill.serverPort : kill.clientPort;
}
