/** Which connections are killed: every kind of traffic in each kind of network, 10,000 of them in a whole run. */
import { bridge, delay, masquerade } from "../lab/mod.ts";
import type { Lab, Network, Station } from "../lab/mod.ts";
import type { Kind } from "./driver.ts";

export interface Cell {
  readonly name: string;
  readonly kind: Kind;
  readonly answerMicroseconds?: number;
  readonly family: 4 | 6;
  /** Connections of a whole run. */
  readonly count: number;
}

/** Cells of one network: the sensor stands in its node. */
export interface Suite {
  readonly name: string;
  open(lab: Lab): Promise<Network>;
  readonly server: (network: Network) => Station;
  readonly cells: readonly Cell[];
  /** tcpkill is tried here too. */
  readonly hasPeer: boolean;
}

type Shape = Omit<Cell, "family">;

const SHORT: readonly Shape[] = [
  { name: "nothing is sent after it", kind: "idle", count: 500 },
  { name: "answer at once", kind: "answer", count: 500 },
  { name: "answer after 1 ms", kind: "answer", answerMicroseconds: 1_000, count: 400 },
  { name: "answer after 20 ms", kind: "answer", answerMicroseconds: 20_000, count: 200 },
  { name: "HTTP request, answer at once", kind: "http", count: 300 },
];
const BULK: readonly Shape[] = [
  { name: "upload 50 Mbit/s in bursts", kind: "up50", count: 70 },
  { name: "download 50 Mbit/s in bursts", kind: "down50", count: 70 },
  { name: "both ways 50 Mbit/s", kind: "both50", count: 70 },
  { name: "upload at full speed", kind: "upfull", count: 70 },
  { name: "download at full speed", kind: "downfull", count: 70 },
  { name: "both ways at full speed", kind: "bothfull", count: 50 },
];
const FAR: readonly Shape[] = [
  { name: "nothing is sent after it", kind: "idle", count: 50 },
  { name: "answer at once", kind: "answer", count: 50 },
  { name: "upload 50 Mbit/s in bursts", kind: "up50", count: 10 },
  { name: "download at full speed", kind: "downfull", count: 10 },
  { name: "both ways 50 Mbit/s", kind: "both50", count: 10 },
];

export const SUITES: readonly Suite[] = [
  { name: "pods on a bridge, offloads on", open: bridge, server: ({ server }) => server, cells: inBoth([...SHORT, ...BULK]), hasPeer: false },
  { name: "pods on a bridge, offloads off", open: bridgeWithoutOffloads, server: ({ server }) => server, cells: inBoth([...SHORT, ...BULK]), hasPeer: true },
  { name: "NAT: masqueraded to the outside", open: masquerade, server: ({ outside }) => outside, cells: inBoth([...SHORT.map(fifth), ...BULK.map(fifth)]), hasPeer: false },
  { name: "a round trip of 40 ms", open: delay, server: ({ outside }) => outside, cells: inBoth(FAR), hasPeer: false },
];

function inBoth(shapes: readonly Shape[]): Cell[] {
  return ([4, 6] as const).flatMap((family) => shapes.map((shape) => ({ ...shape, family })));
}

function fifth(shape: Shape): Shape {
  return { ...shape, count: Math.ceil(shape.count / 5) };
}

/** Frames of a wire's size: no segmentation offload, no checksums left to fill in. */
async function bridgeWithoutOffloads(lab: Lab): Promise<Network> {
  const network = await bridge(lab);
  for (const { namespace, device, nodeDevice } of [network.client, network.server]) {
    await namespace.run(["ethtool", "-K", device, ...OFF]);
    await network.node.run(["ethtool", "-K", nodeDevice, ...OFF]);
  }
  return network;
}

const OFF = ["tso", "gso", "gro", "tx", "rx"].flatMap((feature) => [feature, "off"]);
