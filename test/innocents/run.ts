/**
 * Innocents beside attacks beside hostile packets, with a real sensor in between: innocents use their source ports
 * again and again (after attacks too), live in pods that are born and die, and share few NAT ports.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Witness } from "../lab/adversary/witness.ts";
import type { MarkedReset, Testimony } from "../lab/adversary/witness.ts";
import { bridge, Lab } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import { AMPLE_BUDGET, enforcing, MARK } from "../lab/policies.ts";
import { SensorProcess } from "../lab/sensor.ts";
import { audit } from "./audit.ts";
import { Crowd } from "./crowd.ts";
import type { Attack, Progress } from "./crowd.ts";
import { Pace } from "./pace.ts";
import { macOf, storm } from "./storms.ts";
import type { Storm } from "./storms.ts";

export interface InnocentsOptions {
  readonly innocents: number;
  readonly hostilePackets: number;
  /** Connections a second at most. */
  readonly rate?: number;
  readonly attackEvery?: number;
  readonly seed?: number;
  readonly say?: (progress: Progress & { readonly hostile: number; readonly pods: number }) => void;
}

export interface InnocentsResult extends Progress {
  /** How many innocents should have lived. */
  readonly wanted: number;
  readonly seconds: number;
  readonly hostile: number;
  /** Short-lived pods that came and went. */
  readonly pods: number;
  readonly steadyExchanges: number;
  /** What the crowd complains of: dead innocents, attacks that live. */
  readonly complaints: readonly string[];
  readonly testimony: Testimony;
  readonly wrongResets: readonly MarkedReset[];
  readonly unseenAttacks: readonly Attack[];
  /** Decisions of the sensor to reset, and those about connections that were no attacks. */
  readonly decisions: number;
  readonly wrongDecisions: readonly string[];
  /** Outcomes by name. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly capture: { readonly packets: number; readonly dropped: number; readonly spoofed: number };
  /** How the sensor ended where it did not live to the end. */
  readonly sensorEnd: string | undefined;
}

const KEY = "1a2b3c4d5e6f7081";
const PORT = 9_000;
const FIXED = { client: [2_000, 2_063], outside: [3_000, 3_063] } as const;
const NAT_ADDRESS = "198.51.100.10";
const NAT_PORTS = "20000-23999";
const POD_CONNECTIONS = 40;
const POD_LOOPS = 2;
const FIRST_POD_NUMBER = 100;
const POD_NUMBERS = 60;
/** Hostile packets come in so many rounds, one as soon as the crowd has gone so much further. */
const STORM_ROUNDS = 10;
const STORM_RATE = 3_000;
const LOST_METRIC = "flowreset_capture_dropped_packets_total";

const POLICY = enforcing("forbidden", [{ name: "text", text: MARK }]) + AMPLE_BUDGET;

/** Pods leave for one address by few NAT ports; entries of ended connections go at once, so that the ports come again. */
async function shareFewPorts({ lab, outside }: Network): Promise<void> {
  await lab.script(`
# As CNI plugins do it: a bridge takes the lowest address of its ports, another one with each pod that comes or goes.
ip -n node link set br0 address 0a:58:0a:f4:01:01
for n in client server; do ip -n $n neigh flush all; done
ip -n outside addr add ${NAT_ADDRESS}/24 dev ${outside.device}
at node nft -f - <<'EOF'
table ip innocents_nat {
  chain post { type nat hook postrouting priority 100; oifname "up0" ip daddr ${NAT_ADDRESS} meta l4proto tcp masquerade to :${NAT_PORTS}; }
}
EOF
at node sh -c 'for f in time_wait close last_ack close_wait fin_wait; do echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_$f; done 2>/dev/null || :'
for n in client server outside; do at $n sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse; echo 20000 >/proc/sys/net/ipv4/tcp_max_tw_buckets'; done`);
}

/** Pods come, make a few connections, and go, until the crowd is over. Their addresses come again. */
async function shortLives(net: Network, crowd: Crowd, loop: number, onPod: () => void): Promise<void> {
  for (let turn = 0; !crowd.isOver; turn++) {
    const name = `s${loop}x${turn}`;
    const pod = await net.addPod(name, FIRST_POD_NUMBER + ((turn * POD_LOOPS + loop) % POD_NUMBERS));
    crowd.route({ name, netns: name, from: pod.ipv4, to: net.server.ipv4, port: PORT, weight: 4, budget: POD_CONNECTIONS });
    const done = await crowd.routeDone(name, 180_000);
    if (!done) return;
    await net.removePod(name);
    onPod();
  }
}

export async function runInnocents(options: InnocentsOptions): Promise<InnocentsResult> {
  const { innocents, hostilePackets, rate = 4_000, attackEvery = 200, seed = 1, say = () => {} } = options;
  await using lab = await Lab.open(["cc"]);
  const net = await bridge(lab);
  await shareFewPorts(net);
  const mallory = await net.addPod("mallory", 66);
  const keyFile = join(lab.directory, "mark.key");
  writeFileSync(keyFile, KEY);
  const sensor = await SensorProcess.start(net.node, { policies: { "policy.yaml": POLICY }, arguments: ["--mark-key-file", keyFile] });
  const witness = await Witness.start(net.node, KEY);
  const crowd = await Crowd.start(lab, { inFlight: 256, rate, attackEvery, seed });
  crowd.listen("server", net.server.ipv4, PORT);
  crowd.listen("outside", NAT_ADDRESS, PORT);
  crowd.route({ name: "fixed", netns: "client", from: net.client.ipv4, to: net.server.ipv4, port: PORT, ports: FIXED.client, weight: 4 });
  crowd.route({ name: "free", netns: "client", from: net.client.ipv4, to: net.server.ipv4, port: PORT, weight: 3 });
  crowd.route({ name: "nat", netns: "client", from: net.client.ipv4, to: NAT_ADDRESS, port: PORT, weight: 3, closer: "client" });
  crowd.route({ name: "inbound", netns: "outside", from: net.outside.ipv4, to: net.server.ipv4, port: PORT, ports: FIXED.outside, weight: 4 });
  for (const route of ["free", "nat", "inbound"]) crowd.steady(10, route);

  const [serverMac, uplinkMac] = await Promise.all([macOf(net.server.namespace, net.server.device), macOf(net.node, net.devices.uplink)]);
  const storms: readonly Storm[] = [
    { by: mallory, mac: serverMac, source: net.client.ipv4, ports: FIXED.client, target: net.server.ipv4, port: PORT },
    { by: mallory, mac: serverMac, source: net.outside.ipv4, ports: FIXED.outside, target: net.server.ipv4, port: PORT },
    { by: net.outside, mac: uplinkMac, source: net.outside.ipv4, ports: FIXED.outside, target: net.server.ipv4, port: PORT },
  ];
  let hostile = 0;
  let pods = 0;
  const rain = async (): Promise<void> => {
    const share = Math.ceil(hostilePackets / STORM_ROUNDS / storms.length);
    for (let round = 0; round < STORM_ROUNDS; round++) {
      while (!crowd.isOver && crowd.progress.innocents < (innocents * round) / STORM_ROUNDS) await pause(50);
      const sent = await Promise.all(storms.map((one, index) => storm(one, share, STORM_RATE, seed * 1_000 + round * storms.length + index + 1)));
      for (const count of sent) hostile += count;
    }
  };
  const started = performance.now();
  crowd.go(innocents);
  const beside: Promise<void>[] = [rain()];
  for (let loop = 0; loop < POD_LOOPS; loop++) beside.push(shortLives(net, crowd, loop, () => pods++));
  const besides = Promise.allSettled(beside);
  const pace = new Pace(rate);
  while (!crowd.isOver) {
    await pause(1_000);
    if (sensor.process.exit === undefined) crowd.pace(pace.next(await sensor.metric(LOST_METRIC)));
    say({ ...crowd.progress, hostile, pods });
  }
  const seconds = (performance.now() - started) / 1000;
  const complaints = [...crowd.failures];
  for (const one of await besides) if (one.status === "rejected") complaints.push(`the lab: ${(one.reason as Error).message}`);
  if (crowd.steadyExchanges === undefined) complaints.push(`the crowd: ${crowd.process.failure("ended early").message}`);

  await untilTold(sensor, crowd.attacks.length);
  const { exit } = sensor.process;
  const sensorEnd = exit === undefined ? undefined : sensor.process.failure("ended early").message;
  const capture = exit === undefined ? await captureOf(sensor) : { packets: 0, dropped: 0, spoofed: 0 };
  await sensor.stop();
  const testimony = await witness.testify();
  const { wrong, unseen } = audit(witness.resets, crowd.attacks);
  return {
    ...crowd.progress, wanted: innocents, seconds, hostile, pods, steadyExchanges: crowd.steadyExchanges ?? 0, complaints,
    testimony, wrongResets: wrong, unseenAttacks: unseen,
    ...decisionsOf(sensor, crowd.attacks), capture, sensorEnd,
  };
}

async function captureOf(sensor: SensorProcess): Promise<InnocentsResult["capture"]> {
  return {
    packets: await sensor.metric("flowreset_packets_total"),
    dropped: await sensor.metric(LOST_METRIC),
    spoofed: await sensor.metric("flowreset_spoofed_interface_packets_total"),
  };
}

/** What the sensor itself says of whom it reset. */
function decisionsOf(sensor: SensorProcess, attacks: readonly Attack[]): Pick<InnocentsResult, "decisions" | "wrongDecisions" | "outcomes"> {
  const guilty = new Set<string>();
  for (const { from, port, to, toPort, seenFrom, seenPort } of attacks) guilty.add(`${from} ${port} ${to} ${toPort}`).add(`${seenFrom} ${seenPort} ${to} ${toPort}`);
  const wrongDecisions: string[] = [];
  const outcomes: Record<string, number> = {};
  let decisions = 0;
  for (const { event_type, flow: { src_ip, src_port, dest_ip, dest_port }, flowreset } of sensor.events) {
    if (event_type === "outcome") {
      const name = `${flowreset.outcome} (${flowreset.reason})`;
      outcomes[name] = (outcomes[name] ?? 0) + 1;
    }
    if (event_type !== "reset") continue;
    decisions++;
    if (!guilty.has(`${src_ip} ${src_port} ${dest_ip} ${dest_port}`)) wrongDecisions.push(`${src_ip}:${src_port} to ${dest_ip}:${dest_port}`);
  }
  return { decisions, wrongDecisions, outcomes };
}

/** Every attack has its outcome, or the sensor is long since quiet. */
async function untilTold(sensor: SensorProcess, attacks: number): Promise<void> {
  const told = (): number => sensor.events.filter(({ event_type }) => event_type === "outcome").length;
  for (let turn = 0; turn < 60 && told() < attacks && sensor.process.exit === undefined; turn++) await pause(100);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
