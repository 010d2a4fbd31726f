/**
 * What the kernel lets into the ring: IPv4 and IPv6 packets that carry TCP or a tunnel, or say that a TCP segment does
 * not reach its destination, each seen once, of the interfaces asked for. Everything else is dropped before it costs a slot.
 *
 * - On loopback every packet passes twice: the outgoing copy is dropped.
 * - What a pod sends counts where it comes in by the pod's own interface; its copies on their way out by others are
 *   dropped, but for RSTs (a forged one passes on such a way only).
 * - UDP stays where its destination port is a tunnel's, and in fragments (whose ports may not show).
 * - Interfaces with an unknown link header and in-band VLAN tags pass unread: decode looks closer.
 */
import { PacketDirection } from "../decode/mod.ts";
import { Ancillary, BpfAssembler, WHOLE_PACKET } from "./bpf.ts";
import { HardwareType } from "./hardwareType.ts";
import { keepShare, Scratch } from "./share.ts";
import type { Share } from "./share.ts";

export interface CaptureFilter {
  /** Only these interfaces (indexes); absent: all, those that come later too. */
  interfaces?: readonly number[];
  excludedInterfaces?: readonly number[];
  /** Of several Workers this one sees its share of connections. */
  share?: Share;
  /** Pods whose own interface is captured; of more than MOST_PODS, or with a share, no copies are dropped. */
  pods?: readonly PodAddress[];
  /** Tunnels only (the default), or all UDP. */
  udp?: "tunnels" | "all";
  /** UDP destination ports of tunnels. */
  tunnelPorts?: readonly number[];
}

export interface PodAddress {
  /** A word without sign. */
  readonly ipv4: number;
  readonly interfaceIndex: number;
}

/** The kernel's limit for a filter is 4,096 instructions; these take half of it. */
export const MOST_PODS = 256;

/** VXLAN (IANA, and Linux's own), Geneve. */
export const TUNNEL_PORTS: readonly number[] = [4789, 8472, 6081];

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const VLAN_ETHERTYPES = [0x8100, 0x88a8, 0x9100];
const ETHERNET_HEADER_BYTES = 14;
const UDP = 17;
const TCP = 6;
const RST = 4;
/** IPIP, TCP, 6in4, GRE. */
const IPV4_PROTOCOLS = [TCP, 4, 41, 47];
/** ESP, SCTP, no next header: the others may be extension headers before TCP. */
const IPV6_UNWANTED = [50, 132, 59];
const ICMP = 1;
const ICMPV6 = 58;
const ICMP_UNREACHABLE = 3;
const ICMPV6_UNREACHABLE = 1;
const ICMP_HEADER_BYTES = 8;
/** More fragments, or a fragment offset. */
const FRAGMENT_BITS = 0x3fff;

/** Classic BPF for SO_ATTACH_FILTER. RangeError for more interfaces than the kernel's program size allows. */
export function compileFilter(filter: CaptureFilter = {}): Uint8Array {
  const program = new BpfAssembler();
  dropOutgoingLoopback(program);
  program.load(Ancillary.Protocol);
  program.jumpIfEqual(ETHERTYPE_IPV4, "ipv4");
  program.jumpIfEqual(ETHERTYPE_IPV6, "ipv6");
  for (const ethertype of VLAN_ETHERTYPES) program.jumpIfEqual(ethertype, "unread");
  program.keep(0);
  const tunnelPorts = filter.udp === "all" ? undefined : filter.tunnelPorts ?? TUNNEL_PORTS;
  program.label("ipv4");
  indexNetworkHeader(program, "4");
  program.loadByteAtIndex(9);
  const pods = filter.share !== undefined || (filter.pods?.length ?? 0) > MOST_PODS ? [] : (filter.pods ?? []).toSorted((a, b) => a.ipv4 - b.ipv4);
  for (const protocol of IPV4_PROTOCOLS) program.jumpIfEqual(protocol, protocol === TCP && pods.length > 0 ? "tcp4" : "wanted 4");
  program.jumpIfEqual(ICMP, "icmp4");
  program.jumpIfEqual(UDP, undefined, "drop4");
  if (tunnelPorts === undefined) {
    program.jumpIfEqual(UDP, "wanted 4");
  } else {
    program.loadHalfAtIndex(6);
    program.jumpIfAnyBit(FRAGMENT_BITS, "wanted 4");
    program.loadByteAtIndex(0);
    program.addWordsToIndex(0x0f);
    program.loadHalfAtIndex(2);
    for (const port of tunnelPorts) program.jumpIfEqual(port, "wanted 4");
  }
  program.label("drop4");
  program.keep(0);
  program.label("icmp4");
  program.loadByteAtIndex(0);
  program.addWordsToIndex(0x0f);
  keepUnreachable(program, "4", 0, ICMP_UNREACHABLE, 9);
  program.label("ipv6");
  indexNetworkHeader(program, "6");
  program.loadByteAtIndex(6);
  program.jumpIfEqual(ICMPV6, "icmp6");
  for (const protocol of IPV6_UNWANTED) program.jumpIfEqual(protocol, "drop6");
  program.jumpIfEqual(UDP, undefined, "wanted 6");
  if (tunnelPorts === undefined) {
    program.jumpIfEqual(UDP, "wanted 6");
  } else {
    program.loadHalfAtIndex(42);
    for (const port of tunnelPorts) program.jumpIfEqual(port, "wanted 6");
  }
  program.label("drop6");
  program.keep(0);
  program.label("icmp6");
  keepUnreachable(program, "6", 40, ICMPV6_UNREACHABLE, 6);
  divide(program, filter.share);
  program.label("interface");
  if (pods.length > 0) {
    program.jump("captured");
    program.label("tcp4");
    dropCopies(program, pods);
    program.label("captured");
  }
  keepInterfaces(program, filter);
  return program.assemble();
}

/**
 * "Destination unreachable" about a TCP segment, `at` bytes after the index; the protocol is at `protocolAt` of the quoted
 * header. Every Worker takes it: it comes from anywhere, so that its addresses do not tell whose connection it means.
 */
function keepUnreachable(program: BpfAssembler, version: string, at: number, type: number, protocolAt: number): void {
  program.loadByteAtIndex(at);
  program.jumpIfEqual(type, undefined, `drop icmp ${version}`);
  program.loadByteAtIndex(at + ICMP_HEADER_BYTES + protocolAt);
  program.jumpIfEqual(TCP, undefined, `drop icmp ${version}`);
  program.jump("interface");
  program.label(`drop icmp ${version}`);
  program.keep(0);
}

/** Where one Worker takes all there is no more to ask. What the filter cannot read is the first one's. */
function divide(program: BpfAssembler, share: Share | undefined): void {
  if (share === undefined || share.workers === 1) {
    for (const label of ["wanted 4", "wanted 6", "unread"]) program.label(label);
    return;
  }
  program.label("wanted 4");
  program.jump("share 4");
  program.label("wanted 6");
  program.jump("share 6");
  program.label("unread");
  program.jump("first's");
  for (const version of [4, 6] as const) {
    program.label(`share ${version}`);
    keepShare(program, version, share, "interface");
  }
  // At the end: the kernel's checker takes what stands behind a return for reached, with no scratch word written.
  program.label("first's");
  if (share.worker === 0) program.jump("interface");
  else program.keep(0);
}

function dropOutgoingLoopback(program: BpfAssembler): void {
  program.load(Ancillary.HardwareType);
  program.jumpIfEqual(HardwareType.Loopback, undefined, "once");
  program.load(Ancillary.PacketType);
  program.jumpIfEqual(PacketDirection.Outgoing, undefined, "once");
  program.keep(0);
  program.label("once");
}

/** X := offset of the IP header, by the form of the interface's frames. */
function indexNetworkHeader(program: BpfAssembler, version: string): void {
  program.load(Ancillary.HardwareType);
  program.setIndex(ETHERNET_HEADER_BYTES);
  program.jumpIfEqual(HardwareType.Ethernet, `header ${version}`);
  program.jumpIfEqual(HardwareType.Loopback, `header ${version}`);
  program.setIndex(0);
  for (const bare of [HardwareType.None, HardwareType.RawIp, HardwareType.Tunnel, HardwareType.Tunnel6, HardwareType.Sit]) {
    program.jumpIfEqual(bare, `header ${version}`);
  }
  program.jump("unread");
  program.label(`header ${version}`);
  program.storeIndexInScratch(Scratch.NetworkHeader);
}

/** X is the offset of an IPv4 header before TCP. Goes on at "captured". */
function dropCopies(program: BpfAssembler, pods: readonly PodAddress[]): void {
  program.load(Ancillary.PacketType);
  program.jumpIfEqual(PacketDirection.Outgoing, "outgoing");
  program.jump("captured");
  program.label("outgoing");
  program.loadWordAtIndex(12);
  bisectPods(program, pods, 0, pods.length - 1);
  program.label("copy");
  program.loadByteAtIndex(0);
  program.addWordsToIndex(0x0f);
  program.loadByteAtIndex(13);
  program.jumpIfAnyBit(RST, undefined, "no reset");
  program.jump("captured");
  program.label("no reset");
  program.keep(0);
}

/** A is the sender's address: goes on at "copy" where it is a pod's and this is not the pod's interface. */
function bisectPods(program: BpfAssembler, pods: readonly PodAddress[], first: number, last: number): void {
  if (first < last) {
    const middle = (first + last + 1) >> 1;
    const upper = `pods from ${middle}`;
    program.jumpFarIfAtLeast(pods[middle].ipv4, upper);
    bisectPods(program, pods, first, middle - 1);
    program.label(upper);
    bisectPods(program, pods, middle, last);
    return;
  }
  const { ipv4, interfaceIndex } = pods[first];
  program.jumpIfEqual(ipv4, undefined, `not pod ${first}`);
  program.load(Ancillary.InterfaceIndex);
  program.jumpIfEqual(interfaceIndex, `not pod ${first}`);
  program.jump("copy");
  program.label(`not pod ${first}`);
  program.jump("captured");
}

function keepInterfaces(program: BpfAssembler, filter: CaptureFilter): void {
  const ranges = wantedRanges(filter);
  if (ranges.length > 1) program.load(Ancillary.InterfaceIndex);
  bisect(program, ranges, 0, ranges.length - 1);
}

/** From `start` (to the next one's start) the interfaces are wanted or not. */
interface IndexRange {
  start: number;
  wanted: boolean;
}

function wantedRanges(filter: CaptureFilter): IndexRange[] {
  const named = new Set([...(filter.interfaces ?? []), ...(filter.excludedInterfaces ?? [])]);
  const excluded = new Set(filter.excludedInterfaces);
  const others = filter.interfaces === undefined;
  const included = new Set(filter.interfaces);
  const starts = new Set([0]);
  for (const index of named) starts.add(index).add(index + 1);
  const ranges: IndexRange[] = [];
  for (const start of [...starts].toSorted((a, b) => a - b)) {
    const wanted = named.has(start) ? !excluded.has(start) && (others || included.has(start)) : others;
    if (ranges.at(-1)?.wanted !== wanted) ranges.push({ start, wanted });
  }
  return ranges;
}

/** A binary search: 1,000 interfaces cost 10 comparisons a packet. */
function bisect(program: BpfAssembler, ranges: readonly IndexRange[], first: number, last: number): void {
  if (first === last) {
    program.keep(ranges[first].wanted ? WHOLE_PACKET : 0);
    return;
  }
  const middle = (first + last + 1) >> 1;
  const upper = `from ${ranges[middle].start}`;
  program.jumpFarIfAtLeast(ranges[middle].start, upper);
  bisect(program, ranges, first, middle - 1);
  program.label(upper);
  bisect(program, ranges, middle, last);
}
