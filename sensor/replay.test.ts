import { rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { interfaceBlock, option, packetBlock, pcap, sectionBlock } from "./capture/fileForge.fixture.ts";
import { LinkType } from "./decode/mod.ts";
import { markedConversations, ReplayFolder } from "./replay.fixture.ts";
import type { TimedFrame } from "./replay.fixture.ts";

const folder = new ReplayFolder();
afterAll(() => rmSync(folder.path, { recursive: true }));

const SECONDS = 1_700_000_000;
const ETHERNET_BYTES = 14;

interface Form {
  readonly little: boolean;
  readonly nanoseconds: boolean;
  readonly linkType: number;
  /** What stands before the IP packet. */
  readonly header: readonly number[];
}

const PLAIN: Form = { little: true, nanoseconds: false, linkType: LinkType.Ethernet, header: [] };

function inForm({ linkType, header }: Form, { bytes }: TimedFrame): Uint8Array {
  return linkType === LinkType.Ethernet ? bytes : Buffer.concat([Uint8Array.from(header), bytes.subarray(ETHERNET_BYTES)]);
}

function asPcap(form: Form, frames: readonly TimedFrame[]): Uint8Array {
  const { little, nanoseconds, linkType } = form;
  return pcap({ little, nanoseconds, linkType }, frames.map((frame) => ({ seconds: SECONDS, fraction: frame.microseconds * (nanoseconds ? 1_000 : 1), bytes: inForm(form, frame) })));
}

function asPcapng(form: Form, frames: readonly TimedFrame[]): Uint8Array {
  const { little, nanoseconds, linkType } = form;
  const resolution = nanoseconds ? [option(little, 9, Uint8Array.of(9))] : [];
  const ticksOf = (microseconds: number): bigint => (BigInt(SECONDS) * 1_000_000n + BigInt(microseconds)) * (nanoseconds ? 1_000n : 1n);
  return Buffer.concat([
    sectionBlock(little),
    interfaceBlock(little, linkType, ...resolution),
    ...frames.map((frame) => packetBlock(little, { ticks: ticksOf(frame.microseconds), bytes: inForm(form, frame) })),
  ]);
}

const LINKS: readonly (readonly [name: string, linkType: number, header: readonly number[]])[] = [
  ["Ethernet", LinkType.Ethernet, []],
  ["Linux cooked", LinkType.LinuxCooked, [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]],
  ["Linux cooked 2", LinkType.LinuxCooked2, [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]],
  ["raw IP", LinkType.Raw, []],
  ["raw IP under an old number", 12, []],
  ["raw IPv4", LinkType.Ipv4, []],
  ["loopback, little-endian", LinkType.Null, [2, 0, 0, 0]],
  ["loopback, big-endian", LinkType.Null, [0, 0, 0, 2]],
  ["loopback of OpenBSD", LinkType.Loop, [0, 0, 0, 2]],
];

describe("replay() gives the same bytes of events", async () => {
  const frames = markedConversations(2);
  const { events: expected } = await folder.replay([folder.write("plain.pcap", asPcap(PLAIN, frames))]);

  for (const [name, linkType, header] of LINKS) {
    test(`for ${name} in pcap and pcapng, micro- and nanoseconds, either byte order, plain and gzip`, async () => {
      expect(expected.trim().split("\n")).toHaveLength(2);
      for (const little of [true, false]) {
        for (const nanoseconds of [true, false]) {
          const form: Form = { little, nanoseconds, linkType, header };
          for (const bytes of [asPcap(form, frames), asPcapng(form, frames)]) {
            for (const file of [bytes, gzipSync(bytes)]) {
              const { summary, events } = await folder.replay([folder.write("form", file)]);
              expect([events, summary.error, summary.decodeReasons]).toEqual([expected, undefined, {}]);
            }
          }
        }
      }
    });
  }

  test("every time, whatever stood in their file before", async () => {
    const { summary, events } = await folder.replay([join(folder.path, "plain.pcap")]);
    expect(events).toBe(expected);
    expect(summary).toMatchObject({ packets: 10, flows: 2, findings: 2, wouldReset: 2, policyProblems: 0, error: undefined });
  });

  test("from several files as from one", async () => {
    const parts = [frames.slice(0, 4), frames.slice(4)].map((some, index) => folder.write(`part${index}`, index === 0 ? asPcap(PLAIN, some) : asPcapng(PLAIN, some)));
    expect((await folder.replay(parts)).events).toBe(expected);
  });
});

test("replay() names interfaces as the file does", async () => {
  const [form, frames] = [PLAIN, markedConversations(2)];
  const section = (name: string | undefined, some: readonly TimedFrame[]): Uint8Array => Buffer.concat([
    sectionBlock(true),
    interfaceBlock(true, form.linkType, ...(name === undefined ? [] : [option(true, 2, Buffer.from(name))])),
    ...some.map(({ microseconds, bytes }) => packetBlock(true, { ticks: BigInt(SECONDS * 1_000_000 + microseconds), bytes })),
  ]);
  const { events } = await folder.replay([folder.write("named.pcapng", Buffer.concat([section("veth\u00e9", frames.slice(0, 5)), section(undefined, frames.slice(5))]))]);
  expect(events.trim().split("\n").map((line) => (JSON.parse(line) as { in_iface: string }).in_iface)).toEqual(["veth\u00e9", "if1"]);
});

test("replay() says that nobody was reset because it is a replay", async () => {
  const { events } = await folder.replay([folder.write("one.pcap", asPcap(PLAIN, markedConversations(1)))]);
  expect(JSON.parse(events)).toMatchObject({ event_type: "alert", alert: { action: "allowed" }, flowreset: { verdict: "WouldReset", reason: "Replay" } });
});

test("replay() of a capture that is cut off gives what came before, and at which byte it ends", async () => {
  const whole = asPcap(PLAIN, markedConversations(2));
  const last = asPcap(PLAIN, markedConversations(2).slice(-1)).length - 24;
  const { summary, events } = await folder.replay([folder.write("cut.pcap", whole.subarray(0, whole.length - 5))]);
  expect(events.trim().split("\n")).toHaveLength(1);
  expect(summary).toMatchObject({ packets: 9, findings: 1 });
  expect(summary.error?.offset).toBe(whole.length - last);
});

describe("replay() refuses", () => {
  const file = folder.write("good.pcap", asPcap(PLAIN, markedConversations(1)));
  test.each([
    ["a folder of policies that is not there", { policies: join(folder.path, "nowhere") }, "BadInput", /Cannot read the policies of .*nowhere: ENOENT/],
    ["to write events over a capture", { events: file }, "BadInput", /Give events a file of their own, this one is replayed: .*good\.pcap/],
    ["an events file that cannot be made", { events: join(folder.path, "nowhere", "events") }, "BadInput", /Cannot open the events file .*: ENOENT/],
    ["to go on when the disk is full", { events: "/dev/full" }, "Failed", /Cannot write events to \/dev\/full: ENOSPC/],
  ] as const)("%s, and says what to do", async (_name, options, code, message) => {
    await expect(folder.replay([file], options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

test("replay() counts the faults of policies, and goes on with the good ones", async () => {
  const mixed = new ReplayFolder();
  mixed.write("policies/broken.yaml", "kind: ResponsePolicy\n");
  try {
    const { summary } = await mixed.replay([mixed.write("one.pcap", asPcap(PLAIN, markedConversations(1)))]);
    expect(summary.policyProblems).toBeGreaterThan(0);
    expect(summary.findings).toBe(1);
  } finally {
    rmSync(mixed.path, { recursive: true });
  }
});

test("replay() tells of every rule that fired, and counts a connection once however many do", async () => {
  const signature = (content: string, sid: number): string => `{name: rule${sid}, signature: {rules: ['alert tcp any any -> any any (msg:"m${sid}"; content:"${content}"; sid:${sid};)']}}`;
  const many = new ReplayFolder(`apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: many}
spec: {mode: Enforce, rules: [${signature("EVIL", 1)}, ${signature("VIL", 2)}, ${signature("xxE", 3)}]}
---
apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: other}
spec: {severity: Low, rules: [${signature("LxX", 4)}, ${signature("ILxx", 5)}]}
`);
  try {
    const { summary, events } = await many.replay([many.write("one.pcap", asPcap(PLAIN, markedConversations(1)))]);
    const told = events.trim().split("\n").map((line) => JSON.parse(line) as { alert: { signature_id: number; severity: number }; flowreset: { policy: string; rule: string } });
    expect(told.map(({ alert, flowreset }) => `${alert.signature_id} ${alert.severity} ${flowreset.policy} ${flowreset.rule}`).sort()).toEqual([
      "1 2 default/many rule1",
      "2 2 default/many rule2",
      "3 2 default/many rule3",
      "5 3 default/other rule5",
    ]);
    expect(summary).toMatchObject({ findings: 4, wouldReset: 1 });
    expect(summary.byPolicy).toEqual([
      { policy: "default/many", mode: "Enforce", findings: 3, wouldReset: 1, suppressed: 0 },
      { policy: "default/other", mode: "Observe", findings: 1, wouldReset: 1, suppressed: 0 },
    ]);
  } finally {
    rmSync(many.path, { recursive: true });
  }
});
