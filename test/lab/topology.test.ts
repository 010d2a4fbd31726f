/** Interfaces and homes as a real kernel tells them. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { InterfaceKind } from "../../sensor/topology/mod.ts";
import { bridge, Lab, masquerade, pointToPoint, tun, tunUnsupported, until, vxlan } from "./mod.ts";
import type { LabProcess, Namespace, Network, RunOptions, Station } from "./mod.ts";
import type { TopologyAnswer } from "./probes/topologyProbe.ts";

class Probe {
  readonly process: LabProcess;
  #answers: string[] = [];

  private constructor(process: LabProcess) {
    this.process = process;
  }

  static async start(namespace: Namespace, options: RunOptions = {}): Promise<Probe> {
    const process = namespace.startNode(`${import.meta.dirname}/probes/topologyProbe.ts`, [], options);
    const probe = new Probe(process);
    await process.waitForOutput(/"ready"/);
    process.onLine = (line) => probe.#answers.push(line);
    return probe;
  }

  async look(...addresses: string[]): Promise<TopologyAnswer> {
    this.#answers = [];
    this.process.write(`${addresses.join(",")}\n`);
    const line = await until("the probe's answer", () => {
      if (this.process.exit !== undefined) throw this.process.failure("ended");
      return this.#answers[0];
    }, 5_000, 2);
    return JSON.parse(line) as TopologyAnswer;
  }

  async homeOf(address: string): Promise<number> {
    return (await this.look(address)).homes[address]!.home;
  }

  /** Waits until the address is at home there. */
  async home(address: string, index: number): Promise<void> {
    await until(`${address} to be at home at ${index}`, async () => (await this.homeOf(address)) === index, 3_000, 5);
  }
}

/** Makes the node learn a station's addresses: it says something to the node. */
async function speak(station: Station, net: Network): Promise<void> {
  for (const address of [net.nodeAddresses.podIpv4, `[${net.nodeAddresses.podIpv6}]`]) {
    await station.run(["curl", "-s", "-g", "-m", "3", `http://${address}:1/`], { check: false });
  }
}

const indexOf = (net: Network, station: Station) => net.node.interfaceIndex(station.nodeDevice);

describe("Topology", () => {
  test("finds pods behind a bridge once the node has heard of them, and knows every kind", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const probe = await Probe.start(net.node);
    for (const station of [net.client, net.server]) {
      await speak(station, net);
      await probe.home(station.ipv4, await indexOf(net, station));
      await probe.home(station.ipv6, await indexOf(net, station));
    }
    const { interfaces, homes, shared } = await probe.look(net.client.ipv4, net.outside.ipv4, net.nodeAddresses.uplinkIpv4, net.nodeAddresses.podIpv6);
    expect(Object.fromEntries(interfaces.map(({ name, kind }) => [name, kind]))).toEqual({
      lo: "Loopback", br0: "Bridge", up0: "Uplink", vclient: "Pod", vserver: "Pod",
    });
    expect(homes[net.client.ipv4]).toMatchObject({ kind: InterfaceKind.Pod, local: false, shared: false });
    expect(homes[net.outside.ipv4]).toEqual({ home: 0, kind: InterfaceKind.Unknown, local: false, shared: true });
    expect(homes[net.nodeAddresses.uplinkIpv4]).toMatchObject({ kind: InterfaceKind.Uplink, local: true, shared: true });
    expect(homes[net.nodeAddresses.podIpv6]).toMatchObject({ kind: InterfaceKind.Bridge, local: true });
    expect(shared).toContain(net.outside.ipv6);
  });

  test("finds pods behind a bridge that have not said a word, and lets none claim another's address by ARP", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const probe = await Probe.start(net.node);
    const victim = await indexOf(net, net.server);
    await probe.home(net.server.ipv4, victim);
    await probe.home(net.server.ipv6, victim);
    // The client poisons the node's neighbour table and leaves no other trace.
    await lab.script(`ip -n client addr add ${net.server.ipv4}/24 dev eth0`);
    await net.client.run(["curl", "-s", "-m", "1", "--interface", net.server.ipv4, `http://${net.nodeAddresses.podIpv4}:1/`], { check: false });
    await lab.script(`ip -n client addr del ${net.server.ipv4}/24 dev eth0`);
    const shown = await lab.script(`ip -n client -br link show eth0; ip -n node neigh show ${net.server.ipv4}`);
    const [mac] = /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(shown)!;
    expect(shown.split(mac)).toHaveLength(3); // Its own interface, and the victim's entry.
    // For a moment two pods had it: then it is nobody's, until both are asked again.
    for (let look = 0; look < 20; look++) expect([victim, 0]).toContain(await probe.homeOf(net.server.ipv4));
  });

  test("finds routed pods before they have sent anything, as an ordinary user without any right", async () => {
    await using lab = await Lab.open();
    const net = await pointToPoint(lab);
    const probe = await Probe.start(net.node, { asUser: true });
    for (const station of [net.client, net.server]) {
      await probe.home(station.ipv4, await indexOf(net, station));
      await probe.home(station.ipv6, await indexOf(net, station));
    }
  });

  test("follows pods that appear and vanish every 100 ms, also one that comes back at another interface", async () => {
    await using lab = await Lab.open();
    const net = await pointToPoint(lab);
    const probe = await Probe.start(net.node);
    const seen = new Set<number>();
    for (let round = 0; round < 10; round++) {
      const began = performance.now();
      const pod = await net.addPod(`p${round}`, 50 + (round % 2));
      const index = await indexOf(net, pod);
      seen.add(index);
      await probe.home(pod.ipv4, index);
      await probe.home(pod.ipv6, index);
      expect((await probe.look()).interfaces.find(({ name }) => name === `vp${round}`)).toMatchObject({ index, kind: "Pod" });
      await net.removePod(`p${round}`);
      await probe.home(pod.ipv4, 0);
      await probe.home(pod.ipv6, 0);
      await sleep(Math.max(0, 100 - (performance.now() - began)));
    }
    expect(seen.size).toBe(10);
    const { interfaces, changes, statistics } = await probe.look();
    expect(interfaces.map(({ name }) => name)).toEqual(["lo", "up0", "vclient", "vserver"]);
    expect(changes).toBeGreaterThanOrEqual(20);
    expect(statistics).toMatchObject({ malformed: 0, refused: 0 });
    await probe.home(net.client.ipv4, await indexOf(net, net.client));
  });

  test("keeps its picture right through 100 pods in one breath", async () => {
    await using lab = await Lab.open();
    const net = await pointToPoint(lab);
    const probe = await Probe.start(net.node);
    const lines = Array.from({ length: 100 }, (_, i) => i);
    const pods = await lab.namespace("pods");
    const made = lines.map((i) => `link add v${i} type veth peer name e${i} netns pods\nlink set v${i} up\nroute add 10.9.0.${i}/32 dev v${i}`);
    await net.node.run(["ip", "-batch", "-"], { input: made.join("\n") });
    const addresses = lines.map((i) => `10.9.0.${i}`);
    await until("100 homes", async () => Object.values((await probe.look(...addresses)).homes).every(({ kind }) => kind === InterfaceKind.Pod));
    await lab.removeNamespace(pods.name);
    await until("no home", async () => Object.values((await probe.look(...addresses)).homes).every(({ home }) => home === 0));
  });

  test("asks again when changes were lost", async () => {
    await using lab = await Lab.open();
    const net = await pointToPoint(lab);
    const probe = await Probe.start(net.node, { asUser: true }); // Its buffer is the ordinary one: it may not force more.
    await until("a probe that rests", async () => (await probe.look()).statistics.overruns === 0);
    probe.process.signal("SIGSTOP");
    // 8,192 routes that move from pod to pod: more than its buffer takes.
    const routes = Array.from({ length: 20_480 }, (_, i) => `route replace 10.9.${(i >> 8) & 31}.${i & 255}/32 dev v${((i >> 13) + i) & 1 ? "client" : "server"}`);
    await net.node.run(["ip", "-batch", "-"], { input: routes.join("\n") });
    probe.process.signal("SIGCONT");
    await until("the whole picture again", async () => (await probe.look()).statistics.overruns > 0);
    await probe.home("10.9.0.1", await indexOf(net, net.client));
    await probe.home("10.9.31.255", await indexOf(net, net.server));
  });

  test("does not move a pod's home when another pod claims its address", async () => {
    await using lab = await Lab.open();
    const net = await pointToPoint(lab);
    const probe = await Probe.start(net.node);
    const victim = await indexOf(net, net.server);
    await lab.script(`
ip -n client addr add ${net.server.ipv4}/32 dev eth0
ip -n client addr add 203.0.113.7/32 dev eth0`);
    for (const source of [net.server.ipv4, "203.0.113.7"]) {
      await net.client.run(["curl", "-s", "-m", "1", "--interface", source, `http://${net.nodeAddresses.podIpv4}:1/`], { check: false });
    }
    expect(await probe.homeOf(net.server.ipv4)).toBe(victim);
    expect(await probe.homeOf("203.0.113.7")).toBe(0);
  });

  test("tells a tunnel, an uplink without Ethernet and the far end of an overlay", async () => {
    await using lab = await Lab.open();
    const net = await vxlan(lab);
    const probe = await Probe.start(net.node);
    const { interfaces, homes } = await probe.look(net.server.ipv4, "198.51.100.2");
    expect(interfaces.find(({ name }) => name === "vxlan0")!.kind).toBe("Tunnel");
    expect(homes).toEqual({
      [net.server.ipv4]: { home: 0, kind: 0, local: false, shared: false },
      "198.51.100.2": { home: 0, kind: 0, local: false, shared: true },
    });
  });

  test.skipIf(tunUnsupported() !== undefined)("takes a tun device with the default route for the uplink", async () => {
    await using lab = await Lab.open();
    const net = await tun(lab);
    const probe = await Probe.start(net.node);
    expect((await probe.look()).interfaces.find(({ name }) => name === "tun0")).toMatchObject({ kind: "Uplink", hardwareType: 0xfffe });
  });

  test("counts a masquerade address among those that several share", async () => {
    await using lab = await Lab.open();
    const net = await masquerade(lab);
    const probe = await Probe.start(net.node);
    expect((await probe.look(net.nodeAddresses.uplinkIpv4)).homes[net.nodeAddresses.uplinkIpv4]!.shared).toBe(true);
  });
});
