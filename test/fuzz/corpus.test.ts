/** Captures as they are: what people really send must not be refused. */
import { expect, test } from "vitest";
import { decode, DecodeContext, DecodeReason, decodeReasonName, Frame, Packet } from "../../sensor/decode/mod.ts";
import { corpusSeeds } from "./seeds.ts";

const corpus = await corpusSeeds();

/** What the corpus holds that is not for us: ARP, ICMP, PPP and HDLC links, first fragments alone, mapped addresses. */
const FOREIGN = ["NotIp", "NotTransport", "UnknownLinkType", "FragmentHeld", "Ipv6MappedAddress"];

test(`decode() takes the packets of ${corpus.length} captures of the corpus`, () => {
  const counts = new Map<string, number>();
  const packet = new Packet();
  for (const { packets } of corpus) {
    const context = new DecodeContext({ checksum: "trust" });
    for (const { bytes, linkType } of packets) {
      const frame = Object.assign(new Frame(), { bytes, linkType, capturedLength: bytes.length, wireLength: bytes.length });
      const name = decodeReasonName(decode(frame, packet, context));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(context.reasons[DecodeReason.BadTcpOptions]).toBe(0);
  }
  const all = [...counts.values()].reduce((total, count) => total + count, 0);
  expect([...counts.keys()].filter((name) => name !== "Ok" && !FOREIGN.includes(name))).toEqual([]);
  expect(counts.get("Ok")).toBeGreaterThan(all * 0.95);
});
