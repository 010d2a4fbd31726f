/** The native ring and sink on a real kernel. */
import { existsSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChecksumState, LinkType, PacketDirection } from "../../sensor/decode/mod.ts";
import { Route } from "../../sensor/inject/outbox.ts";
import { findTool, Lab, pointToPoint, until } from "./mod.ts";
import type { LabProcess, Namespace, Network } from "./mod.ts";
import type { ProbeEvent, ProbeFrame, ProbeOptions } from "./probes/captureProbe.ts";
import type { SendOrder } from "./probes/sendProbe.ts";

const PROBES = `${import.meta.dirname}/probes`;
const NET_RAW = 2 ** 13;
const CONTENT_BYTES = 8 << 20;
/** What the test's sender sends; a period that is no power of two, so that nothing misplaced looks right. */
const content = Buffer.alloc(CONTENT_BYTES, Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 31 + (index >> 8)) & 255)));

let lab: Lab;
let net: Network;

beforeAll(async () => {
  lab = await Lab.open();
  net = await pointToPoint(lab);
  writeFileSync(`${lab.directory}/content`, content);
});
afterAll(() => lab?.close());

class Probe {
  readonly process: LabProcess;
  readonly events: ProbeEvent[] = [];

  constructor(namespace: Namespace, options: ProbeOptions | string, before: readonly string[] = []) {
    const [program, argument] = typeof options === "string" ? ["libpcapProbe", options] : ["captureProbe", JSON.stringify(options)];
    this.process = namespace.start([...before, process.execPath, `${PROBES}/${program}.ts`, argument]);
    this.process.onLine = (line) => this.events.push(JSON.parse(line) as ProbeEvent);
  }

  static async start(options: ProbeOptions, namespace: Namespace = net.node): Promise<Probe> {
    const probe = new Probe(namespace, options);
    await probe.next("ready");
    return probe;
  }

  get frames(): ProbeFrame[] {
    return this.events.filter((event) => event.event === "frame").map((event) => event.frame);
  }

  /** Waits for an event of this kind that was not there when asked. */
  async next<K extends ProbeEvent["event"]>(kind: K, command?: string): Promise<Extract<ProbeEvent, { event: K }>> {
    const before = command === undefined ? 0 : this.events.length;
    if (command !== undefined) this.process.write(`${command}\n`);
    const found = await until(`the probe's ${kind}`, () => {
      const event = this.events.slice(before).find((candidate) => candidate.event === kind);
      // Its last word may be what is waited for.
      if (event === undefined && this.process.exit !== undefined) throw this.process.failure("ended");
      return event;
    });
    return found as Extract<ProbeEvent, { event: K }>;
  }

  async statistics() {
    return (await this.next("statistics", "statistics")).statistics;
  }

  /** Waits for frames that match. */
  seen(what: string, matches: (frame: ProbeFrame) => boolean): Promise<ProbeFrame[]> {
    return until(what, () => {
      const found = this.frames.filter(matches);
      return found.length > 0 ? found : undefined;
    });
  }

  async stop(): Promise<void> {
    this.process.write("stop\n");
    await this.process.exited;
  }
}

/** TCP of one frame with an Ethernet header and no IP options. */
function tcp(frame: ProbeFrame) {
  const bytes = Buffer.from(frame.bytes, "hex");
  if (bytes.readUInt16BE(12) !== 0x0800 || bytes[23] !== 6) return undefined;
  const payload = 34 + (bytes[46] >> 4) * 4;
  return {
    port: bytes.readUInt16BE(36),
    sequence: bytes.readUInt32BE(38),
    syn: (bytes[47] & 0x12) === 2,
    payload: bytes.subarray(payload),
    payloadBytes: frame.wireLength - payload,
  };
}

/** Opens and closes a TCP connection to a port where nobody listens: one SYN. */
function knock(from: Namespace, address: string, port: number): Promise<unknown> {
  return from.run([process.execPath, "-e", `require("net").connect(${port}, "${address}").on("error", () => {}).setTimeout(300, function () { this.destroy() })`]);
}

async function transfer(port: number): Promise<void> {
  const server = net.server.start([process.execPath, "-e", `require("net").createServer((s) => s.resume().on("end", () => { s.end(); process.exit() })).listen(${port}, () => console.log("ready"))`]);
  await server.waitForOutput(/ready/);
  await net.client.run([process.execPath, "-e", `require("net").connect(${port}, "${net.server.ipv4}").end(require("fs").readFileSync("${lab.directory}/content"))`]);
  await server.exited;
}

async function send(orders: readonly SendOrder[], namespace: Namespace = net.node): Promise<{ left: number; error: number[] }> {
  return JSON.parse((await namespace.run([process.execPath, `${PROBES}/sendProbe.ts`, JSON.stringify(orders)])).stdout) as { left: number; error: number[] };
}

describe("the ring", () => {
  it("sees 64 KiB super-packets whole and in order", async () => {
    const probe = await Probe.start({ filter: { interfaces: [await net.node.interfaceIndex("vclient")] }, bytes: true });
    await transfer(7001);
    const assembled = Buffer.alloc(CONTENT_BYTES);
    let start = -1;
    await until("all of the content", () => {
      for (const frame of probe.frames) {
        const segment = tcp(frame);
        if (segment?.port !== 7001) continue;
        if (segment.syn) start = segment.sequence + 1;
        else if (start !== -1) segment.payload.copy(assembled, (segment.sequence - start) >>> 0);
      }
      return assembled.equals(content);
    });
    const frames = probe.frames.filter((frame) => tcp(frame)?.port === 7001);
    expect(Math.max(...frames.map((frame) => frame.capturedLength))).toBeGreaterThan(32_768);
    expect(frames.every((frame) => frame.capturedLength === frame.wireLength)).toBe(true);
    expect(frames.every((frame) => frame.direction === PacketDirection.Host && frame.linkType === LinkType.Ethernet)).toBe(true);
    expect(await probe.statistics()).toMatchObject({ dropped: 0, cutShort: 0 });
    expect((await probe.statistics()).superPackets).toBeGreaterThan(0);
    await probe.stop();
  });

  it("says that a local sender's checksums are not filled in, and nothing where they are", async () => {
    const probe = await Probe.start({ filter: {} });
    await knock(net.client.namespace, net.server.ipv4, 7002);
    const [offloaded] = await probe.seen("the SYN", (frame) => tcp(frame)?.port === 7002);
    expect(offloaded.checksum).toBe(ChecksumState.NotReady);
    if (findTool("ethtool") !== undefined) {
      await net.client.run(["ethtool", "-K", "eth0", "tx", "off"]);
      await knock(net.client.namespace, net.server.ipv4, 7003);
      const [filled] = await probe.seen("the SYN", (frame) => tcp(frame)?.port === 7003);
      expect(filled.checksum).toBe(ChecksumState.Unknown);
      await net.client.run(["ethtool", "-K", "eth0", "tx", "on"]);
    }
    await probe.stop();
  });

  it("stamps packets with the time, in order", async () => {
    const beforeMs = Date.now() - 1;
    const probe = await Probe.start({ filter: {} });
    for (let port = 7010; port < 7013; port++) await knock(net.client.namespace, net.server.ipv4, port);
    await probe.seen("the last SYN", (frame) => tcp(frame)?.port === 7012);
    const stamps = probe.frames.map((frame) => frame.timestampMs);
    expect(stamps[0]).toBeGreaterThanOrEqual(beforeMs);
    expect(stamps.at(-1)!).toBeLessThanOrEqual(Date.now() + 1);
    expect(stamps.some((stamp) => !Number.isInteger(stamp))).toBe(true);
    await probe.stop();
  });

  it("sees a packet on loopback once", async () => {
    const filtered = await Probe.start({ filter: {} });
    const everything = await Probe.start({});
    await knock(net.node, "127.0.0.1", 7020);
    const syn = (frame: ProbeFrame) => tcp(frame)?.port === 7020 && tcp(frame)!.syn;
    await until("both copies", () => everything.frames.filter(syn).length === 2);
    await filtered.seen("the SYN", syn);
    expect(filtered.frames.filter(syn)).toMatchObject([{ direction: PacketDirection.Host }]);
    await filtered.stop();
    await everything.stop();
  });

  it("gives the VLAN tag that the kernel took out of the frame", async () => {
    const probe = await Probe.start({ filter: {} });
    const body = "4500002800010000400600000a0000010a000002" + "0007000900000001000000005002200000000000";
    const tagged = `${"ff".repeat(6)}020000000001` + "8100" + "6007" + "0800" + body;
    const doubly = `${"ff".repeat(6)}020000000001` + "88a8" + "0064" + "8100" + "6008" + "0800" + body;
    const index = await net.client.namespace.interfaceIndex("eth0");
    const { left } = await send([tagged, doubly].map((hex) => ({ hex, route: Route.Frame, interfaceIndex: index })), net.client.namespace);
    expect(left).toBe(2);
    const [frame] = await probe.seen("the tagged frame", (seen) => seen.vlanTci === 0x6007);
    expect(frame).toMatchObject({ vlanTpid: 0x8100, wireLength: 54, interfaceIndex: await net.node.interfaceIndex("vclient") });
    const [outer] = await probe.seen("the doubly tagged frame", (seen) => seen.vlanTci === 0x64);
    expect(outer.vlanTpid).toBe(0x88a8);
    expect(outer.bytes.slice(24, 36)).toBe("810060080800");
    await probe.stop();
  });

  it("follows interfaces that come and go", async () => {
    const probe = await Probe.start({ filter: {} });
    const pod = await net.addPod("late", 77);
    const index = await net.node.interfaceIndex("vlate");
    await knock(pod.namespace, net.server.ipv4, 7030);
    await probe.seen("the SYN of the late pod", (frame) => frame.interfaceIndex === index && tcp(frame)?.port === 7030);
    await net.removePod("late");
    await knock(net.client.namespace, net.server.ipv4, 7031);
    await probe.seen("a SYN after the pod is gone", (frame) => tcp(frame)?.port === 7031);
    await probe.stop();
  });

  it("counts what is lost while nobody reads", async () => {
    const probe = await Probe.start({ ring: { ringBytes: 65_536 }, filter: { udp: "all", interfaces: [await net.node.interfaceIndex("vclient")] } });
    const before = await probe.statistics();
    probe.process.write("pause\n");
    await until("the pause", () => probe.events.some(({ event }) => event === "paused"));
    await net.client.run([process.execPath, "-e", `const s = require("dgram").createSocket("udp4"); let n = 0; const next = () => n++ < 500 ? s.send("x", 7040, "${net.server.ipv4}", next) : s.close(); next()`]);
    probe.process.write("resume\n");
    const after = await until("500 packets, seen or lost", async () => {
      const now = await probe.statistics();
      return now.packets - before.packets + now.dropped - before.dropped >= 500 ? now : undefined;
    });
    expect(after.dropped).toBeGreaterThan(400);
    expect(after.packets - before.packets).toBeGreaterThanOrEqual(30);
    await probe.stop();
  });

  it("counts a super-packet that found no room beside the ring as cut short", async () => {
    const probe = await Probe.start({ ring: { receiveBufferBytes: 4096, slotBytes: 2048 }, filter: { interfaces: [await net.node.interfaceIndex("vclient")] } });
    probe.process.write("pause\n");
    await until("the pause", () => probe.events.some(({ event }) => event === "paused"));
    await transfer(7050);
    probe.process.write("resume\n");
    await probe.seen("a cut frame", (frame) => frame.capturedLength < frame.wireLength);
    const { cutShort, dropped } = await probe.statistics();
    expect(cutShort).toBe(probe.frames.filter((frame) => frame.capturedLength < frame.wireLength).length);
    expect(dropped).toBe(0);
    await probe.stop();
  });

  it("is woken from another thread, and ended", async () => {
    const probe = await Probe.start({ filter: { interfaces: [] } });
    for (let turn = 0; turn < 20; turn++) await probe.next("woken", "wake");
    await probe.stop();
    expect(probe.process.exit).toEqual({ code: 0, signal: null });
  });

  it("takes another filter while it runs", async () => {
    const index = await net.node.interfaceIndex("vclient");
    const probe = await Probe.start({ filter: { excludedInterfaces: [index] } });
    await knock(net.client.namespace, net.server.ipv4, 7060);
    await probe.seen("the SYN at the server's interface", (frame) => tcp(frame)?.port === 7060);
    expect(probe.frames.filter((frame) => frame.interfaceIndex === index)).toEqual([]);
    await probe.next("woken", `filter {"interfaces": [${index}]}`);
    await knock(net.client.namespace, net.server.ipv4, 7061);
    const frames = await probe.seen("the SYN at the client's interface", (frame) => tcp(frame)?.port === 7061);
    expect(new Set(frames.map((frame) => frame.interfaceIndex))).toEqual(new Set([index]));
    await probe.stop();
  });

  it("loads a filter of hundreds of interfaces into the kernel", async () => {
    const index = await net.node.interfaceIndex("vclient");
    const interfaces = [...Array.from({ length: 600 }, (_, position) => 10_000 + position * 2), index];
    const probe = await Probe.start({ filter: { interfaces } });
    await knock(net.client.namespace, net.server.ipv4, 7070);
    const frames = await probe.seen("the SYN", (frame) => tcp(frame)?.port === 7070);
    expect(new Set(frames.map((frame) => frame.interfaceIndex))).toEqual(new Set([index]));
    await probe.stop();
  });

  it("gives the whole of a connection to one of two Workers: both directions, at both interfaces", async () => {
    const probes = await Promise.all([0, 1].map((worker) => Probe.start({ filter: { share: { worker, workers: 2 } } })));
    await knock(net.client.namespace, net.server.ipv4, 7080);
    await until("the SYN and its answer, each at two interfaces", () => probes.flatMap(({ frames }) => frames).length === 4);
    expect(probes.map(({ frames }) => frames.length).toSorted()).toEqual([0, 4]);
    await Promise.all(probes.map((probe) => probe.stop()));
  });
});

describe("rights", () => {
  it("need no more than CAP_NET_RAW, for capture and for sending", async () => {
    const only = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_raw"];
    const probe = new Probe(net.node, { filter: {} }, only);
    expect((await probe.next("ready")).capabilities).toBe(NET_RAW);
    await transfer(7090);
    await probe.seen("the transfer", (frame) => tcp(frame)?.port === 7090);
    const sent = await net.node.run([...only, process.execPath, `${PROBES}/sendProbe.ts`, JSON.stringify([
      { hex: raw4(net.server.ipv4, 7091), route: Route.Raw4, interfaceIndex: 0 },
    ] satisfies SendOrder[])]);
    expect(JSON.parse(sent.stdout)).toEqual({ left: 1, error: [0] });
    await probe.stop();
  });

  it("missing are named, with how to give them", async () => {
    const probe = new Probe(net.node, { filter: {}, keepCapabilities: 0 });
    expect((await probe.next("failed")).message).toMatch(/setcap .*CAP_NET_RAW is missing$/);
    await probe.process.exited;
  });
});

describe("the sink", () => {
  it("sends by a frame and by raw IP of both versions, and gives the errno of each that does not leave", async () => {
    const probe = await Probe.start({ filter: {} });
    const index = await net.node.interfaceIndex("vserver");
    const result = await send([
      { hex: `${"ff".repeat(6)}020000000002` + "0800" + raw4(net.server.ipv4, 7101), route: Route.Frame, interfaceIndex: index },
      { hex: raw4(net.server.ipv4, 7102), route: Route.Raw4, interfaceIndex: 0 },
      { hex: raw6(net.server.ipv6, 7103), route: Route.Raw6, interfaceIndex: 0 },
      { hex: raw4(net.server.ipv4, 7104), route: Route.Raw4, interfaceIndex: index },
      { hex: raw6(net.server.ipv6, 7105), route: Route.Raw6, interfaceIndex: index },
      { hex: raw4(net.server.ipv4, 7106), route: Route.Frame, interfaceIndex: 999_999 },
      { hex: raw4("203.0.113.77", 7107), route: Route.Raw4, interfaceIndex: 999_999 },
      { hex: "45", route: Route.Raw4, interfaceIndex: 0 },
      { hex: "", route: Route.Raw4, interfaceIndex: 0 },
      { hex: raw4(net.server.ipv4, 7108), route: 7, interfaceIndex: 0 },
    ]);
    expect(result.left).toBe(5);
    expect(result.error.map((error) => error !== 0)).toEqual([false, false, false, false, false, true, true, true, true, true]);
    for (const port of [7101, 7102, 7103, 7104, 7105]) {
      const hex = port.toString(16).padStart(4, "0");
      const [frame] = await probe.seen(`port ${port}`, (seen) => seen.bytes.includes(`0007${hex}`));
      expect(frame).toMatchObject({ interfaceIndex: index, direction: PacketDirection.Outgoing });
    }
    await probe.stop();
  });
});

describe.skipIf(!existsSync(`${import.meta.dirname}/../../node_modules/cap/build/Release/cap.node`))("libpcap", () => {
  it("sees both directions of an interface and tells them apart", async () => {
    const index = await net.node.interfaceIndex("vclient");
    const [{ address }] = JSON.parse((await net.node.run(["ip", "-json", "link", "show", "vclient"])).stdout) as { address: string }[];
    const probe = new Probe(net.node, JSON.stringify({ name: "vclient", index, mac: address }));
    await probe.next("ready");
    await transfer(7201);
    const towards = await probe.seen("packets of the client", (frame) => tcp(frame)?.port === 7201);
    expect(towards.every((frame) => frame.direction === PacketDirection.Host && frame.interfaceIndex === index)).toBe(true);
    const back = await probe.seen("packets to the client", (frame) => frame.bytes.slice(68, 72) === (7201).toString(16));
    expect(back.every((frame) => frame.direction === PacketDirection.Outgoing && frame.linkType === LinkType.Ethernet)).toBe(true);
    await probe.process.stop();
  });
});

/** A SYN from port 7 with the source address of the client pod. */
function raw4(destination: string, port: number): string {
  const address = (text: string) => text.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("");
  return `45000028abcd000040060000${address(net.client.ipv4)}${address(destination)}${segment(port)}`;
}

function raw6(destination: string, port: number): string {
  const words = (text: string) => {
    const [head, tail] = text.split("::").map((half) => half.split(":").filter((word) => word !== ""));
    const middle = Array<string>(8 - head.length - (tail?.length ?? 0)).fill("0");
    return [...head, ...middle, ...(tail ?? [])].map((word) => word.padStart(4, "0")).join("");
  };
  return `6000000000140640${words(net.client.ipv6)}${words(destination)}${segment(port)}`;
}

function segment(port: number): string {
  return `0007${port.toString(16).padStart(4, "0")}00000001000000005002200000000000`;
}
