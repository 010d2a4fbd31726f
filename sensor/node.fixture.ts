/**
 * A node in memory: pods that come and go on their interfaces, an API server and rtnetlink that tell of it when the test
 * lets them, and the whole pipeline over the packets. What is true is kept apart from what the sensor has heard.
 */
import { parseAddress } from "../crds/mod.ts";
import { OwnerNumbers, verdictName } from "./decide/mod.ts";
import type { Pod as HeardPod } from "./cluster/pod.ts";
import { PodTable } from "./cluster/podTable.ts";
import type { ClusterView, CompileInput, CompileResult, Decision } from "./decide/mod.ts";
import { compileTexts } from "./decide/objects.fixture.ts";
import { buildSegment, Frame, LinkType, PacketDirection, SegmentSpec, TcpFlag, TcpOptionWriter } from "./decode/mod.ts";
import type { InterfaceDescription } from "./detect/mod.ts";
import { InterfaceKind } from "./flow/mod.ts";
import type { Homes } from "./flow/mod.ts";
import { Pipeline } from "./pipeline.ts";

export const UPLINK = 2;
export const NODE_ADDRESS = "192.0.2.1";

export const START_MS = 1_800_000_000_000;

/** A pod as it really is: `index` is 0 before its interface is there and after it has gone. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly address: string;
  /** When it has got its network. */
  readonly readyMs: number;
  index: number;
}

export interface Told {
  readonly verdict: string;
  readonly policy: string;
  readonly slot: number;
  readonly generation: number;
}

export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly ports?: readonly [number, number];
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement?: number;
  readonly text?: string;
  /** TCP timestamp, as most clients send one; 0 for none. */
  readonly timestamp?: number;
}

const { Syn, Ack } = TcpFlag;

export class NodeWorld implements Homes {
  nowMs = START_MS;
  readonly told: Told[] = [];
  readonly bindings = new PodTable({ homeOf: (address) => this.#homes.get(wordOf(address)) ?? 0, nowMs: () => this.nowMs });
  readonly pipeline: Pipeline;
  isLive = true;
  podCidrs: readonly string[] = [];
  enforceable: ClusterView["enforceable"] = () => true;
  readonly gapsMs: number[] = [];
  /** What the sensor has heard of. */
  #pods: readonly HeardPod[] = [];
  #interfaces = new Set<number>([UPLINK]);
  #homes = new Map<string, number>();
  readonly #owners = new OwnerNumbers();
  /** Full names of policies by their labels, as a Worker's outlast a swap. */
  readonly #labels: string[] = [];
  #result: CompileResult;
  readonly #frame = new Frame();
  #bytes = new Uint8Array(2_048);

  constructor(texts: readonly string[]) {
    this.#result = this.#compile(texts);
    const { compiled } = this.#result;
    this.pipeline = new Pipeline({
      compiled,
      stop: new Int32Array(new SharedArrayBuffer(4)),
      tableCapacity: 256,
      seed: 7,
      markKey: [1, 2],
      homes: this,
      labelOf: (policy) => this.#labelOf(policy),
      recorder: {
        onDecision: (decision) => this.told.push(this.#tell(decision)),
        onOutcome: () => {},
        onIdentified: (gapMs) => this.gapsMs.push(gapMs),
      },
    });
  }

  get view(): ClusterView {
    const namespaces = new Map([["red", { team: "red" }], ["blue", { team: "blue" }]]);
    return { nodeLabels: { disk: "ssd" }, namespaces, pods: this.bindings.pods(), isLive: this.isLive, enforceable: (name) => this.enforceable(name), podCidrs: this.podCidrs };
  }

  get interfaces(): InterfaceDescription[] {
    return [...this.#interfaces].map((index) => ({
      index, name: `if${index}`, kind: index === UPLINK ? "Uplink" as const : "Pod" as const, addresses: index === UPLINK ? [NODE_ADDRESS] : [],
    }));
  }

  homeOf(_0: number, _1: number, _2: number, word3: number): number {
    return this.#homes.get(String(word3)) ?? 0;
  }

  kindOf(index: number): number {
    if (!this.#interfaces.has(index)) return InterfaceKind.Unknown;
    return index === UPLINK ? InterfaceKind.Uplink : InterfaceKind.Pod;
  }

  /** rtnetlink tells the sensor's main thread and its Workers how it is. */
  hearTopology(pods: readonly Pod[]): void {
    const present = pods.filter(({ index }) => index > 0);
    this.#interfaces = new Set([UPLINK, ...present.map(({ index }) => index)]);
    this.#homes = new Map(present.map(({ address, index }) => [wordOf(address), index]));
    this.bindings.onInterfaces([...this.#interfaces].map((index) => ({ index, name: `if${index}`, hardwareAddress: String(index) })));
    if (this.isLive) this.bindings.bind();
    this.renew();
  }

  /** The API server's list reaches the sensor: pods with an address, and those that have none yet. */
  hearPods(pods: readonly HeardPod[]): void {
    this.#pods = pods;
    if (this.isLive) {
      for (const pod of pods) this.bindings.take(pod.uid, pod);
      this.bindings.retain(new Set(pods.map(({ uid }) => uid)));
    }
    this.renew();
  }

  get heard(): readonly HeardPod[] {
    return this.#pods;
  }

  /** These are the policies from now on. */
  write(texts: readonly string[], more: Partial<CompileInput> = {}): void {
    this.#result = this.#compile(texts, more);
    this.renew();
  }

  /** The Worker takes what the main thread knows, and has gone through its connections. */
  renew(): void {
    this.pipeline.swap(this.#result.withSubjects(this.view, this.interfaces));
    for (let turn = 0; turn < 4; turn++) this.turn();
  }

  turn(): void {
    this.nowMs += 1;
    this.pipeline.tick(this.nowMs);
    this.#settle();
  }

  /** One packet at one interface. Slot and generation of its flow. */
  see(sent: Sent, interfaceIndex: number, direction: "in" | "out"): number {
    const spec = new SegmentSpec();
    [spec.source0, spec.source1, spec.source2, spec.source3] = parseAddress(sent.from)!.words as [number, number, number, number];
    [spec.destination0, spec.destination1, spec.destination2, spec.destination3] = parseAddress(sent.to)!.words as [number, number, number, number];
    [spec.sourcePort, spec.destinationPort] = sent.ports ?? [40_000, 80];
    Object.assign(spec, { sequence: sent.sequence | 0, acknowledgement: (sent.acknowledgement ?? 0) | 0, flags: sent.flags, window: 65_535, payload: new TextEncoder().encode(sent.text ?? "") });
    const options = new TcpOptionWriter();
    if (sent.timestamp !== undefined) spec.options = options.noOperation().noOperation().timestamps(sent.timestamp, 0).bytes.subarray(0, options.length);
    const length = buildSegment(this.#bytes, 0, spec);
    const frame = this.#frame;
    frame.bytes = this.#bytes;
    frame.capturedLength = frame.wireLength = length;
    frame.linkType = LinkType.Ethernet;
    frame.interfaceIndex = interfaceIndex;
    frame.direction = direction === "in" ? PacketDirection.OtherHost : PacketDirection.Outgoing;
    frame.timestampMs = this.nowMs += 0.1;
    this.pipeline.step(frame);
    this.#settle();
    return this.pipeline.table.lookup(this.pipeline.packet);
  }

  /** A packet from where it comes in to where it goes out. */
  pass(sent: Sent, from: number, to: number): void {
    this.see(sent, from, "in");
    this.see(sent, to, "out");
  }

  /** A whole handshake and what both say, each packet at both interfaces. */
  talk(client: string, clientIndex: number, server: string, serverIndex: number, text = "", isn = 1_000): void {
    const back: readonly [number, number] = [80, 40_000];
    this.pass({ from: client, to: server, flags: Syn, sequence: isn }, clientIndex, serverIndex);
    this.pass({ from: server, to: client, ports: back, flags: Syn | Ack, sequence: isn + 70_000, acknowledgement: isn + 1 }, serverIndex, clientIndex);
    this.pass({ from: client, to: server, flags: Ack, sequence: isn + 1, acknowledgement: isn + 70_001 }, clientIndex, serverIndex);
    this.pass({ from: client, to: server, flags: Ack, sequence: isn + 1, acknowledgement: isn + 70_001, text: text || "hello" }, clientIndex, serverIndex);
    this.pass({ from: server, to: client, ports: back, flags: Ack, sequence: isn + 70_001, acknowledgement: isn + 1 + (text || "hello").length }, serverIndex, clientIndex);
  }

  /** `Verdict policy` of everything that was decided since the last call. */
  drain(): string[] {
    return this.told.splice(0).map(({ verdict, policy }) => `${verdict} ${policy}`);
  }

  #settle(): void {
    this.pipeline.settle(this.nowMs);
    this.pipeline.outbox.clear();
  }

  #compile(texts: readonly string[], more: Partial<CompileInput> = {}): CompileResult {
    return compileTexts(texts, { owners: this.#owners, interfaces: this.interfaces, cluster: this.view, ...more });
  }

  #labelOf(policy: number): number {
    const { namespace, name } = this.#result.compiled.names.policies[policy]!;
    const known = this.#labels.indexOf(`${namespace}/${name}`);
    return known >= 0 ? known : this.#labels.push(`${namespace}/${name}`) - 1;
  }

  #tell(decision: Decision): Told {
    const { namespace, name } = this.#result.compiled.names.policies[decision.policy]!;
    const verdict = verdictName(decision.verdict) + (decision.reason === 0 ? "" : `(${decision.reason})`);
    return { verdict, policy: `${namespace}/${name}`, slot: decision.slot, generation: decision.generation };
  }
}

/** As its kubelet tells of it, with times of whole seconds. */
export function heardOf({ uid, namespace, labels, address, readyMs }: Pod, isAddressed = true): HeardPod {
  const networkReadyMs = isAddressed ? Math.floor(readyMs / 1_000) * 1_000 : 0;
  return { uid, namespace, name: uid, labels, serviceAccount: "default", addresses: isAddressed ? [address] : [], networkReadyMs, startedMs: Math.floor(readyMs / 1_000) * 1_000, probePorts: [] };
}

function wordOf(address: string): string {
  return String(parseAddress(address)!.words[3]);
}
