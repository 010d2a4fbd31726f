/**
 * Any order of what happens on a node, of what is told of it and when, and of packets, forged ones among them: no
 * namespace's policy ever acts on a connection of which no packet came from, or went to, a pod of that namespace at that
 * pod's own interface while it was there. The oracle knows the truth and nothing of the sensor. A connection of which
 * every packet was forged is nobody's.
 *
 * What is taken for granted: rtnetlink tells of every interface before it goes, and of one before the next comes; no
 * address is given again within a second of its pod's start; the API server tells in order.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { TcpFlag } from "./decode/mod.ts";
import { policy } from "./decide/objects.fixture.ts";
import { heardOf, NodeWorld, type Pod, UPLINK } from "./node.fixture.ts";

const ADDRESSES = ["10.244.1.7", "10.244.1.8"];
const OUTSIDE = "203.0.113.9";
const NAMESPACES = ["red", "blue"];
const { Syn, Ack, Rst } = TcpFlag;

const texts = NAMESPACES.flatMap((namespace) => [
  policy({ name: "any", namespace, spec: ["mode: Enforce"], rules: ["{name: a, ports: ['80'], connection: {phase: Established}}", "{name: b, ports: ['80'], connection: {phase: Handshake}}"] }),
  policy({ name: "signed", namespace, spec: ["mode: Enforce", "respond: {reset: {hold: 60s}}"], rules: ["{name: s, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}"] }),
]);

type Step =
  | { kind: "start"; namespace: number; address: number }
  | { kind: "stop"; pod: number }
  /** The pod ends, and the other namespace's next one gets its address. */
  | { kind: "replace"; pod: number }
  | { kind: "publish"; pod: number }
  | { kind: "deliver"; lag: number }
  | { kind: "rtnetlink" }
  /** Everything is told, and nothing happens for a while. */
  | { kind: "calm" }
  | { kind: "apiServer"; isLive: boolean }
  | { kind: "talk"; from: number; to: number; evil: boolean; ends: boolean }
  | { kind: "packet"; from: number; source: number; to: number; flags: number; sequence: number };

const small = fc.nat({ max: 7 });
/** The first pods that are there; beyond them is the outside. */
const end = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("start" as const), namespace: fc.nat({ max: 1 }), address: fc.nat({ max: 1 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replace" as const), pod: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stop" as const), pod: small }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("publish" as const), pod: small }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("deliver" as const), lag: fc.nat({ max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("rtnetlink" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("calm" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("apiServer" as const), isLive: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("talk" as const), from: end, to: end, evil: fc.boolean(), ends: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("packet" as const), from: fc.nat({ max: 1 }), source: end, to: end, flags: fc.constantFrom(Syn, Syn | Ack, Ack), sequence: fc.nat({ max: 3 }) }) },
);

/** Two pods that are known, most of the time. */
const PRELUDE: readonly Step[] = [{ kind: "start", namespace: 0, address: 0 }, { kind: "start", namespace: 1, address: 1 }, { kind: "calm" }];

interface Truth extends Pod {
  isPublished: boolean;
  isStopPublished: boolean;
}

/** Noted beside namespaces: the packet's sender has the address that it sends from. */
const FROM = "its own address";

/** Who really was at the ends of each tuple's packets: `client server` to namespaces with the packet's time. */
class Oracle {
  readonly #packets = new Map<string, { namespace: string; atMs: number }[]>();

  note(tuple: string, namespace: string, atMs: number): void {
    const list = this.#packets.get(tuple) ?? [];
    list.push({ namespace, atMs });
    this.#packets.set(tuple, list);
  }

  allows(tuple: string, namespace: string, sinceMs: number): boolean {
    return this.#heard(tuple, sinceMs).some((packet) => packet.namespace === namespace);
  }

  /** Whether anybody sent a packet of it in their own name: see FROM. */
  isReal(tuple: string, sinceMs: number): boolean {
    return this.#heard(tuple, sinceMs).some(({ namespace }) => namespace === FROM);
  }

  #heard(tuple: string, sinceMs: number): { namespace: string; atMs: number }[] {
    return (this.#packets.get(tuple) ?? []).filter(({ atMs }) => atMs >= sinceMs - 0.5);
  }
}

class Play {
  readonly node = new NodeWorld(texts);
  readonly oracle = new Oracle();
  readonly #pods: Truth[] = [];
  /** What the API server has said, in order; the sensor has heard the first `#heard`. */
  readonly #told: ReturnType<typeof heardOf>[][] = [[]];
  #heard = 0;
  #nextIndex = 10;
  #talks = 0;
  /** First numbers of the connections that each tenant had a part in. */
  readonly #numbers = new Map<string, number[]>();
  acted = 0;
  readonly violations: string[] = [];

  take(step: Step): void {
    const { node } = this;
    switch (step.kind) {
      case "start": return this.#start(step.namespace, step.address);
      case "stop": return this.#stop(step.pod);
      case "replace": return this.#replace(step.pod);
      case "publish": return this.#publish(step.pod);
      case "deliver":
        this.#heard = Math.max(this.#heard, this.#told.length - 1 - step.lag);
        return node.hearPods(this.#told[this.#heard]!);
      case "rtnetlink": return node.hearTopology(this.#alive);
      case "calm": return this.#calm();
      case "apiServer":
        node.isLive = step.isLive;
        return node.renew();
      case "talk": return this.#talk(step.from, step.to, step.evil, step.ends);
      case "packet": {
        // A pod forges: any address, and the numbers of its tenant's connections. Who knows another's may as well reset it.
        const sender = this.#alive[step.from];
        const known = this.#numbers.get(sender?.namespace ?? "") ?? [];
        const first = known.at(-1 - step.sequence) ?? 500 + NAMESPACES.indexOf(sender?.namespace ?? "");
        const ports = (step.flags & Syn) !== 0 && (step.flags & Ack) !== 0 ? [80, 40_000] as const : [40_000, 80] as const;
        if (sender === undefined) return;
        return this.#pass(sender.index, this.#end(step.source).address, this.#end(step.to).address, ports, step.flags, ports[0] === 80 ? first + 70_000 : first, first + (ports[0] === 80 ? 1 : 70_001), "EVIL");
      }
    }
  }

  get #alive(): Truth[] {
    return this.#pods.filter(({ index }) => index > 0);
  }

  #calm(): void {
    for (let number = 0; number < this.#pods.length; number++) for (let time = 0; time < 2; time++) this.#publish(number);
    this.node.hearTopology(this.#alive);
    this.#heard = this.#told.length - 1;
    this.node.isLive = true;
    this.node.hearPods(this.#told[this.#heard]!);
    this.node.nowMs += 11_000;
    this.node.hearTopology(this.#alive);
  }

  #start(namespace: number, address: number): void {
    const wanted = ADDRESSES[address]!;
    if (this.#alive.some((pod) => pod.address === wanted)) return;
    this.node.hearTopology(this.#alive);
    this.node.nowMs += 2_100;
    const name = NAMESPACES[namespace]!;
    this.#pods.push({ uid: `${name}-${this.#pods.length}`, namespace: name, labels: {}, address: wanted, readyMs: this.node.nowMs, index: this.#nextIndex++, isPublished: false, isStopPublished: false });
    this.#tell();
  }

  #stop(number: number): void {
    const pod = this.#alive[number];
    if (pod === undefined) return;
    this.node.hearTopology(this.#alive);
    pod.index = 0;
  }

  #replace(number: number): void {
    const pod = this.#alive[number];
    if (pod === undefined) return;
    this.#stop(number);
    this.#start(1 - NAMESPACES.indexOf(pod.namespace), ADDRESSES.indexOf(pod.address));
  }

  /** A kubelet tells a pod's address, or that it has ended. */
  #publish(number: number): void {
    const pod = this.#pods[number];
    if (pod === undefined || pod.isStopPublished) return;
    if (!pod.isPublished) pod.isPublished = true;
    else if (pod.index === 0) pod.isStopPublished = true;
    this.#tell();
  }

  #tell(): void {
    this.#told.push(this.#pods.filter(({ isStopPublished }) => !isStopPublished).map((pod) => heardOf(pod, pod.isPublished)));
  }

  /** A pod that is there, or the outside. */
  #end(number: number): { address: string; index: number } {
    return this.#alive[number] ?? { address: OUTSIDE, index: UPLINK };
  }

  #talk(from: number, to: number, evil: boolean, ends: boolean): void {
    const client = this.#end(from);
    const server = this.#end(to);
    if (client.index === server.index) return;
    const first = 1_000 + 1_000_000 * ++this.#talks;
    for (const { namespace } of this.#alive.filter(({ index }) => index === client.index || index === server.index)) {
      this.#numbers.set(namespace, [...(this.#numbers.get(namespace) ?? []), first]);
    }
    const text = evil ? "EVIL" : "good";
    const back = first + 70_000;
    this.#pass(client.index, client.address, server.address, [40_000, 80], Syn, first, 0);
    this.#pass(server.index, server.address, client.address, [80, 40_000], Syn | Ack, back, first + 1);
    this.#pass(client.index, client.address, server.address, [40_000, 80], Ack, first + 1, back + 1, text);
    this.#pass(server.index, server.address, client.address, [80, 40_000], Ack, back + 1, first + 5);
    if (ends) this.#pass(client.index, client.address, server.address, [40_000, 80], Rst | Ack, first + 5, back + 1);
  }

  /** In by the sender's interface with whatever source, out by the interface of whoever really has the destination. */
  #pass(senderIndex: number, source: string, destination: string, ports: readonly [number, number], flags: number, sequence: number, acknowledgement: number, text = ""): void {
    const receiver = this.#alive.find(({ address }) => address === destination)?.index ?? UPLINK;
    const tuple = ports[0] === 80 ? `${destination}:40000 ${source}:80` : `${source}:40000 ${destination}:80`;
    for (const [index, direction, address] of [[senderIndex, "in", source], [receiver, "out", destination]] as const) {
      const owner = this.#alive.find((pod) => pod.index === index && pod.address === address);
      if (owner !== undefined) this.oracle.note(tuple, owner.namespace, this.node.nowMs + 0.1);
      if (direction === "in" && (owner !== undefined || index === UPLINK)) this.oracle.note(tuple, FROM, this.node.nowMs + 0.1);
      this.node.see({ from: source, to: destination, ports, flags, sequence, acknowledgement, text: (flags & Syn) === 0 ? text : "" }, index, direction);
      this.judge();
    }
  }

  /** What the sensor has done since the last look, against the truth. */
  judge(): void {
    const { node, oracle } = this;
    const { table } = node.pipeline;
    for (const { verdict, policy: name, slot } of node.told.splice(0)) {
      if (verdict.startsWith("Suppress")) continue;
      const namespace = name.split("/")[0]!;
      const [client, server] = [0, 1].map((side) => `${addressOf(table.addressWord(slot, side, 3))}:${table.port(slot, side)}`);
      const sinceMs = table.createdMs(slot);
      if (!oracle.isReal(`${client} ${server}`, sinceMs) && !oracle.isReal(`${server} ${client}`, sinceMs)) continue;
      this.acted++;
      if (!oracle.allows(`${client} ${server}`, namespace, sinceMs) && !oracle.allows(`${server} ${client}`, namespace, sinceMs)) {
        this.violations.push(`${verdict} by ${name} on ${client} ${server}`);
      }
    }
  }
}

function addressOf(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join(".");
}

it("never lets one tenant act on another's connection", () => {
  let acted = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 8, maxLength: 60 }), (steps) => {
      const play = new Play();
      for (const next of [...PRELUDE, ...steps]) {
        play.take(next);
        play.judge();
      }
      acted += play.acted;
      expect(play.violations).toEqual([]);
    }),
    { numRuns: 200, seed: 4 },
  );
  // A sensor that never acts would pass too.
  expect(acted).toBeGreaterThan(200);
}, 120_000);
