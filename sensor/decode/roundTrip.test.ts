/** parse(build(x)) is x: every protocol, every nesting. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeContext } from "./context.ts";
import { buildDatagram, buildFragment, buildIpPacket, DatagramSpec } from "./datagram.ts";
import { decode } from "./decode.ts";
import { concat, frameOf, segmentSpec } from "./frame.fixture.ts";
import { buildGeneve } from "./geneve.ts";
import { buildGre, greLength } from "./gre.ts";
import { networkLength, NetworkSpec } from "./networkSpec.ts";
import { Packet, TcpFlag } from "./packet.ts";
import { DecodeReason } from "./reason.ts";
import { buildSegment, segmentLength, SegmentSpec } from "./segment.ts";
import { TcpOptionWriter } from "./tcpOptions.ts";
import { buildVxlan } from "./vxlan.ts";

const word = fc.integer();
const half = fc.nat(0xffff);
const byte = fc.nat(0xff);
const tag = fc.oneof(fc.constant(-1), half);
const payload = fc.uint8Array({ maxLength: 120 });

/** Link and network fields for one IP version; addresses that Linux takes. */
const network = fc
  .record({
    macs0: word,
    macs1: word,
    macs2: word,
    vlanTci: tag,
    vlanTpid: fc.constantFrom(0x8100, 0x88a8, 0x9100),
    inner: tag,
    ipVersion: fc.constantFrom(4, 6),
    words: fc.array(word, { minLength: 8, maxLength: 8 }),
    ttl: byte,
    ipId: half,
    typeOfService: byte,
    flowLabel: fc.nat(0xfffff),
    dontFragment: fc.boolean(),
  })
  .map(({ words, inner, ...fields }) => {
    const isIpv4 = fields.ipVersion === 4;
    const address = (index: number) =>
      isIpv4 ? [0, 0, 0xffff, words[index + 3]!] : [words[index]! | 1, ...words.slice(index + 1, index + 4)];
    const [source0, source1, source2, source3] = address(0) as [number, number, number, number];
    const [destination0, destination1, destination2, destination3] = address(4) as [number, number, number, number];
    return {
      ...fields,
      innerVlanTci: fields.vlanTci === -1 ? -1 : inner,
      ipId: isIpv4 ? fields.ipId : 0,
      flowLabel: isIpv4 ? 0 : fields.flowLabel,
      source0,
      source1,
      source2,
      source3,
      destination0,
      destination1,
      destination2,
      destination3,
    };
  });

const transport = fc.record({
  sourcePort: half,
  destinationPort: half,
  sequence: word,
  acknowledgement: word,
  flags: byte,
  window: half,
  urgentPointer: half,
  payload,
});

const segments = fc.tuple(network, transport).map(([below, above]) => Object.assign(new SegmentSpec(), below, above));

const context = new DecodeContext();
const packet = new Packet();

function build(spec: SegmentSpec): Uint8Array {
  const out = new Uint8Array(segmentLength(spec));
  expect(buildSegment(out, 0, spec)).toBe(out.length);
  return out;
}

function expectDecoded(bytes: Uint8Array): void {
  expect(decode(frameOf(bytes), packet, context)).toBe(DecodeReason.Ok);
}

const NETWORK_FIELDS = [
  "ipVersion", "ttl", "ipId", "typeOfService", "flowLabel", "source0", "source1", "source2", "source3",
  "destination0", "destination1", "destination2", "destination3", "sourcePort", "destinationPort",
] as const;
const TCP_FIELDS = ["sequence", "acknowledgement", "flags", "window", "urgentPointer"] as const;

function pick<Key extends string>(from: Record<Key, unknown>, keys: readonly Key[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}

function payloadOf(decoded: Packet): Uint8Array {
  return decoded.bytes.slice(decoded.payloadOffset, decoded.payloadOffset + decoded.payloadLength);
}

function expectSegment(spec: SegmentSpec): void {
  const fields = [...NETWORK_FIELDS, ...TCP_FIELDS];
  expect(pick(packet, fields)).toEqual(pick(spec, fields));
  expect(payloadOf(packet)).toEqual(spec.payload);
}

describe("decode() gives back what was built", () => {
  test("a TCP segment with its link header and tags", () => {
    fc.assert(
      fc.property(segments, (spec) => {
        expectDecoded(build(spec));
        expectSegment(spec);
        const { vlanTci, innerVlanTci } = spec;
        const vlanTpid = vlanTci === -1 ? 0 : spec.vlanTpid;
        expect(packet).toMatchObject({ vlanTci, vlanTpid, innerVlanTci, tunnelDepth: 0, ethernetOffset: 0 });
        const macs = new DataView(packet.bytes.buffer);
        expect([macs.getInt32(0), macs.getInt32(4), macs.getInt32(8)]).toEqual([spec.macs0, spec.macs1, spec.macs2]);
      }),
      { numRuns: 400 },
    );
  });

  test("a UDP datagram", () => {
    fc.assert(
      fc.property(network, half, half.filter((port) => ![4789, 8472, 6081].includes(port)), payload, (below, from, to, bytes) => {
        const spec = Object.assign(new DatagramSpec(), below, { sourcePort: from, destinationPort: to, payload: bytes });
        const out = new Uint8Array(networkLength(spec) + 8 + bytes.length);
        expect(buildDatagram(out, 0, spec)).toBe(out.length);
        expectDecoded(out);
        expect(pick(packet, NETWORK_FIELDS)).toEqual(pick(spec, NETWORK_FIELDS));
        expect(payloadOf(packet)).toEqual(bytes);
      }),
    );
  });

  test("every TCP option", () => {
    const sacks = fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(half, fc.nat(14), word, word, word, sacks, (mss, scale, value, echo, token, edges) => {
        const blocks = edges.flatMap((edge) => [edge, edge + 1]);
        const options = new TcpOptionWriter().mss(mss).windowScale(scale).sackPermitted().timestamps(value, echo);
        expectDecoded(build(segmentSpec({ flags: TcpFlag.Syn, options: options.mptcpJoin(token).finished() })));
        expect(packet).toMatchObject({ mss, windowScale: scale, sackPermitted: true, mptcpSubtype: 1, mptcpToken: token });
        expect(packet).toMatchObject({ timestampPresent: true, timestampValue: value, timestampEcho: echo });
        expectDecoded(build(segmentSpec({ options: new TcpOptionWriter().sack(blocks).finished() })));
        expect(packet).toMatchObject({ sackCount: edges.length, sackRightEdge: Math.max(...edges) + 1 });
      }),
    );
  });

  const tunnels = fc.record({
    kind: fc.constantFrom("vxlan", "geneve", "gre", "ip"),
    id: fc.nat(0xffffff),
    outer: network,
    options: fc.uint8Array({ maxLength: 8 }).map((bytes) => bytes.slice(0, bytes.length & ~3)),
    withChecksum: fc.boolean(),
    sequence: fc.oneof(fc.constant(-1), fc.nat()),
  });

  test("a segment in up to three tunnels of any kind", () => {
    fc.assert(
      fc.property(segments, fc.array(tunnels, { minLength: 1, maxLength: 3 }), (spec, layers) => {
        let tunnelId = -1;
        // What IP in IP carries has no link header: the layer around it decides.
        const hasLink = (index: number) => layers[index]?.kind !== "ip";
        let bytes = build(Object.assign(spec, { linkHeader: hasLink(0) ? 1 : 0 }));
        let innerVersion = spec.ipVersion;
        for (const [index, layer] of layers.entries()) {
          bytes = wrap(layer, bytes, innerVersion, index === layers.length - 1 || hasLink(index + 1));
          innerVersion = layer.outer.ipVersion;
        }
        for (const layer of layers) if (layer.kind !== "ip" && tunnelId === -1) tunnelId = layer.id;
        expectDecoded(bytes);
        expectSegment(spec);
        expect(packet).toMatchObject({ tunnelDepth: layers.length, tunnelId });
      }),
      { numRuns: 300 },
    );
  });

  function wrap(
    layer: { kind: string; id: number; outer: object; options: Uint8Array; withChecksum: boolean; sequence: number },
    inner: Uint8Array,
    innerVersion: number,
    hasLink: boolean,
  ): Uint8Array {
    const out = new Uint8Array(inner.length + 300);
    const linkHeader = hasLink ? 1 : 0;
    if (layer.kind === "ip") {
      const spec = Object.assign(new NetworkSpec(), layer.outer, { linkHeader });
      return out.slice(0, buildIpPacket(out, 0, spec, innerVersion === 4 ? 4 : 41, inner));
    }
    if (layer.kind === "gre") {
      const body = new Uint8Array(greLength(layer.id, layer.sequence, layer.withChecksum) + inner.length);
      buildGre(body, 0, 0x6558, layer.id, layer.sequence, layer.withChecksum, inner);
      const spec = Object.assign(new NetworkSpec(), layer.outer, { linkHeader });
      return out.slice(0, buildIpPacket(out, 0, spec, 47, body));
    }
    const header = new Uint8Array(300);
    const isVxlan = layer.kind === "vxlan";
    const length = isVxlan ? buildVxlan(header, 0, layer.id) : buildGeneve(header, 0, layer.id, 0x6558, layer.options);
    const spec = Object.assign(new DatagramSpec(), layer.outer, {
      linkHeader,
      sourcePort: 50_000,
      destinationPort: isVxlan ? 4789 : 6081,
      withChecksum: layer.withChecksum,
      payload: concat(header.subarray(0, length), inner),
    });
    return out.slice(0, buildDatagram(out, 0, spec));
  }

  test("a segment in fragments of any size, in any order", () => {
    const sizes = fc.array(fc.integer({ min: 3, max: 12 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(segments, sizes, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), word, (spec, blocks, order, id) => {
        const bytes = build(spec);
        const body = bytes.slice(networkLength(spec));
        const pieces: Uint8Array[] = [];
        for (let first = 0; first < body.length; ) {
          const end = Math.min(first + 8 * (blocks[pieces.length % blocks.length] ?? 3), body.length);
          pieces.push(buildFragment(spec, 6, body, first, end, end < body.length, spec.ipVersion === 4 ? id & 0xffff : id));
          first = end;
        }
        const shuffled = pieces.map((piece, index) => ({ piece, key: order[index]! })).sort((a, b) => a.key - b.key);
        for (const [index, { piece }] of shuffled.entries()) {
          const reason = decode(frameOf(piece), packet, context);
          expect(reason).toBe(index < pieces.length - 1 ? DecodeReason.FragmentHeld : DecodeReason.Ok);
        }
        const isWhole = pieces.length === 1;
        expectSegment(Object.assign(spec, spec.ipVersion === 4 ? { ipId: id & 0xffff } : {}));
        expect(packet.reassembled).toBe(!isWhole);
      }),
      { numRuns: 300 },
    );
  });

  test("builders write nothing where there is no room", () => {
    const spec = segmentSpec();
    const small = new Uint8Array(segmentLength(spec) - 1);
    expect(buildSegment(small, 0, spec)).toBe(0);
    expect(buildSegment(new Uint8Array(200), 150, spec)).toBe(0);
    expect(buildSegment(new Uint8Array(200), 0, segmentSpec({ options: new Uint8Array(41) }))).toBe(0);
    expect(buildDatagram(small.subarray(0, 41), 0, Object.assign(new DatagramSpec(), { payload: new Uint8Array(0) }))).toBe(0);
    expect(small.every((value) => value === 0)).toBe(true);
  });
});
