/** Real packets to start from: conversations in their order, built here and read from captures where there are any. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { readCapture } from "../../sensor/capture/mod.ts";
import {
  buildAuthentication,
  buildDatagram,
  buildExtension,
  buildFragment,
  buildGeneve,
  buildGre,
  buildIpPacket,
  buildSegment,
  buildVxlan,
  DatagramSpec,
  GENEVE_PORT,
  greLength,
  LinkHeader,
  LinkType,
  NetworkSpec,
  parseAddress,
  Protocol,
  segmentLength,
  SegmentSpec,
  TcpFlag,
  TcpOptionWriter,
  VXLAN_PORT,
} from "../../sensor/decode/mod.ts";
import { unreachable } from "../../sensor/decode/unreachable.fixture.ts";

export interface SeedPacket {
  readonly bytes: Uint8Array;
  readonly linkType: number;
}

export interface SeedConversation {
  readonly name: string;
  readonly packets: readonly SeedPacket[];
}

/** More of one capture adds nothing but time. */
const MAX_PACKETS_A_CAPTURE = 200;
const MAX_CAPTURE_BYTES = 1 << 20;
const MAX_PACKET_BYTES = 4096;

/** What FUZZ_CORPUS says, `../shared/corpus` where it is, else the captures that are kept here. */
const CORPUS = process.env["FUZZ_CORPUS"] ?? ["../../../shared/corpus/suricata-verify", "../cases/suricata-verify"].map((path) => resolve(import.meta.dirname, path)).find((path) => existsSync(path))!;

/** The conversations of the corpus. */
export async function corpusSeeds(): Promise<SeedConversation[]> {
  const conversations: SeedConversation[] = [];
  for (const entry of readdirSync(CORPUS, { recursive: true }) as string[]) {
    const path = join(CORPUS, entry);
    if (!/\.pcap(ng)?$/.test(entry) || statSync(path).size > MAX_CAPTURE_BYTES) continue;
    const packets: SeedPacket[] = [];
    await readCapture(path, (frame) => {
      if (packets.length === MAX_PACKETS_A_CAPTURE || frame.capturedLength > MAX_PACKET_BYTES) return;
      const bytes = frame.bytes.slice(frame.offset, frame.offset + frame.capturedLength);
      packets.push({ bytes, linkType: frame.linkType });
    });
    if (packets.length > 0) conversations.push({ name: entry, packets });
  }
  return conversations.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One conversation for each protocol and nesting that decode knows. */
export function builtSeeds(): SeedConversation[] {
  const plain4 = conversation(4);
  const plain6 = conversation(6);
  const tagged = (version: number) => conversation(version, { vlanTci: 0x6005, vlanTpid: 0x88a8, innerVlanTci: 9 });
  const bare = (version: number) => conversation(version, { linkHeader: LinkHeader.None });
  const extensions = new Uint8Array(40);
  let length = buildExtension(extensions, 0, 60, Uint8Array.of(5, 2, 0, 0));
  length += buildExtension(extensions, length, 43, new Uint8Array(6));
  length += buildExtension(extensions, length, Protocol.Tcp, new Uint8Array(6));
  const chain = { firstExtension: 0, extensions: extensions.slice(0, length) };
  return [
    named("IPv4", plain4),
    named("IPv6", plain6),
    named("IPv4 options", conversation(4, { ipOptions: Uint8Array.of(0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0) })),
    named("IPv6 extensions", conversation(6, chain)),
    named("tags", tagged(4)),
    named("raw", bare(6), LinkType.Raw),
    named("VXLAN", plain4.map((inner) => tunnelled(inner, "vxlan"))),
    named("Geneve", tagged(6).map((inner) => tunnelled(inner, "geneve"))),
    named("GRE", plain6.map((inner) => tunnelled(inner, "gre"))),
    named("IP in IP", bare(4).map((inner) => tunnelled(inner, "ip"))),
    named("VXLAN in IP in GRE", plain4.map((inner) => tunnelled(tunnelled(inner, "vxlan"), "gre"))),
    named("IPv4 fragments", fragmented(4)),
    named("IPv6 fragments", fragmented(6)),
    ...atTheLimits(plain4),
    named("unreachable", [plain4, plain6].flatMap(([syn]) => [syn!, unreachable(syn!)])),
    named("UDP", [4, 6].map((version) => datagram(version, 53, Uint8Array.from({ length: 60 }, (_, index) => index)))),
  ];
}

/** As deep, long and strange as decode takes them, and one step further. */
function atTheLimits(plain: readonly Uint8Array[]): SeedConversation[] {
  const chainOf = (count: number, last: number, tail: Uint8Array) => {
    const extensions = new Uint8Array(count * 8 + tail.length);
    for (let index = 0; index < count; index++) {
      buildExtension(extensions, index * 8, index === count - 1 ? last : 60, new Uint8Array(6));
    }
    extensions.set(tail, count * 8);
    return { firstExtension: 60, extensions };
  };
  const atomic = Uint8Array.of(44, 0, 0, 0, 0, 0, 0, 1, Protocol.Tcp, 0, 0, 1, 0, 0, 0, 2);
  const authentication = new Uint8Array(24);
  buildAuthentication(authentication, 0, Protocol.Tcp, 1, 2, 12);
  const thrice = plain.map((inner) => tunnelled(tunnelled(tunnelled(inner, "vxlan"), "geneve"), "gre"));
  return [
    named("three tunnels", thrice),
    named("four tunnels", thrice.map((inner) => tunnelled(inner, "vxlan"))),
    named("ten extension headers", conversation(6, chainOf(10, Protocol.Tcp, new Uint8Array(0)))),
    named("eleven extension headers", conversation(6, chainOf(11, Protocol.Tcp, new Uint8Array(0)))),
    named("two fragment headers", conversation(6, chainOf(1, 44, atomic))),
    named("authentication", conversation(6, chainOf(1, 51, authentication))),
    named("mapped", conversation(6, { source0: 0, source1: 0, source2: 0xffff, source3: 1 })),
    named("source route", conversation(4, { ipOptions: Uint8Array.of(131, 7, 4, 10, 0, 0, 3, 0) })),
    named("no link type", plain, 99),
  ];
}

function named(name: string, packets: readonly Uint8Array[], linkType: number = LinkType.Ethernet): SeedConversation {
  return { name, packets: packets.map((bytes) => ({ bytes, linkType })) };
}

const LINES: readonly (readonly [string, number, number, number, string])[] = [
  // sender, flags, sequence and acknowledgement behind the initial ones, payload
  [">", TcpFlag.Syn, 0, 0, ""],
  ["<", TcpFlag.Syn | TcpFlag.Ack, 0, 1, ""],
  [">", TcpFlag.Ack, 1, 1, ""],
  [">", TcpFlag.Ack | TcpFlag.Psh, 1, 1, "GET /index.html HTTP/1.1\r\nHost: example.test\r\n\r\n"],
  ["<", TcpFlag.Ack, 1, 50, ""],
  ["<", TcpFlag.Ack | TcpFlag.Psh, 1, 50, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"],
  ["<", TcpFlag.Ack, 51, 50, "segments that come before those that they follow"],
  ["<", TcpFlag.Ack | TcpFlag.Urg, 40, 50, "and overlap them"],
  [">", TcpFlag.Ack, 50, 99, ""],
  [">", TcpFlag.Ack, 49, 99, "k"],
  [">", TcpFlag.Fin | TcpFlag.Ack, 50, 99, ""],
  ["<", TcpFlag.Fin | TcpFlag.Ack, 99, 51, ""],
  [">", TcpFlag.Rst, 51, 0, ""],
];

/** A connection from handshake to reset, whose sequence numbers wrap. */
function conversation(ipVersion: number, overrides: Partial<SegmentSpec> = {}): Uint8Array[] {
  return LINES.map(([sender, flags, sequence, acknowledgement, text]) => {
    const isClient = sender === ">";
    const spec = endpoints(new SegmentSpec(), ipVersion, isClient);
    spec.sourcePort = isClient ? 40_000 : 80;
    spec.destinationPort = isClient ? 80 : 40_000;
    const [own, peer] = isClient ? [-20, 0x7fffffe0] : [0x7fffffe0, -20];
    spec.sequence = (own + sequence) | 0;
    spec.acknowledgement = (peer + acknowledgement) | 0;
    spec.flags = flags;
    spec.window = 502;
    spec.urgentPointer = (flags & TcpFlag.Urg) !== 0 ? 3 : 0;
    const writer = new TcpOptionWriter();
    if ((flags & TcpFlag.Syn) !== 0) writer.mss(1460).sackPermitted().windowScale(7).mptcpJoin(0x1234);
    else if (sequence === 50) writer.sack([99, 120]).noOperation().noOperation().timestamps(5, 6);
    else writer.noOperation().noOperation().timestamps(1 + sequence, 1);
    spec.options = writer.finished();
    spec.payload = new TextEncoder().encode(text);
    Object.assign(spec, overrides);
    const out = new Uint8Array(segmentLength(spec));
    buildSegment(out, 0, spec);
    return out;
  });
}

function endpoints<Spec extends NetworkSpec>(spec: Spec, ipVersion: number, isClient: boolean): Spec {
  const [client, server] = (ipVersion === 4 ? ["10.0.0.1", "10.0.0.2"] : ["2001:db8::1", "2001:db8::2"]).map(
    (text) => parseAddress(text)!,
  );
  const [from, to] = isClient ? [client!, server!] : [server!, client!];
  spec.ipVersion = ipVersion;
  for (let word = 0; word < 4; word++) {
    Object.assign(spec, { [`source${word}`]: from[word], [`destination${word}`]: to[word] });
  }
  return spec;
}

function datagram(ipVersion: number, port: number, payload: Uint8Array): Uint8Array {
  const spec = endpoints(new DatagramSpec(), ipVersion, true);
  Object.assign(spec, { sourcePort: 50_000, destinationPort: port, payload });
  const out = new Uint8Array(payload.length + 100);
  return out.slice(0, buildDatagram(out, 0, spec));
}

function tunnelled(inner: Uint8Array, kind: "vxlan" | "geneve" | "gre" | "ip"): Uint8Array {
  const body = new Uint8Array(inner.length + 32);
  let length = 0;
  if (kind === "vxlan") length = buildVxlan(body, 0, 5);
  if (kind === "geneve") length = buildGeneve(body, 0, 6, 0x6558, Uint8Array.of(1, 2, 3, 1, 0, 0, 0, 0));
  if (kind === "vxlan" || kind === "geneve") {
    body.set(inner, length);
    return datagram(4, kind === "vxlan" ? VXLAN_PORT : GENEVE_PORT, body.slice(0, length + inner.length));
  }
  const spec = endpoints(new NetworkSpec(), 4, true);
  const out = new Uint8Array(inner.length + 100);
  if (kind === "ip") return out.slice(0, buildIpPacket(out, 0, spec, Protocol.IpInIp, inner));
  const gre = new Uint8Array(greLength(7, 8, true) + inner.length);
  buildGre(gre, 0, 0x6558, 7, 8, true, inner);
  return out.slice(0, buildIpPacket(out, 0, spec, Protocol.Gre, gre));
}

/** Every segment of the conversation in two or three fragments, the last first. */
function fragmented(ipVersion: number): Uint8Array[] {
  const spec = endpoints(new NetworkSpec(), ipVersion, true);
  const headers = ipVersion === 4 ? 34 : 54;
  return conversation(ipVersion).flatMap((packet, id) => {
    const body = packet.slice(headers);
    const ends = [24, 48, body.length].filter((end, index, all) => end <= body.length && end !== all[index - 1]);
    if (ends.at(-1) !== body.length) ends.push(body.length);
    return ends
      .map((end, index) => buildFragment(spec, Protocol.Tcp, body, ends[index - 1] ?? 0, end, end < body.length, id))
      .reverse();
  });
}
