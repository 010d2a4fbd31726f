import { describe, expect, test } from "vitest";
import { InterfaceKind as FlowInterfaceKind } from "../flow/mod.ts";
import { describeInterfaces } from "./interfaces.ts";
import { InterfaceKind } from "./kind.ts";
import type { Link } from "./link.ts";
import { NetworkState } from "./networkState.ts";
import { recorded } from "./recorded.fixture.ts";
import { bridgeWorld, World } from "./world.fixture.ts";

const elsewhere = { driver: "veth", peer: 2, peerElsewhere: true };

describe("describeInterfaces() says of", () => {
  test.each<[string, Partial<Link>, string]>([
    ["loopback", { hardwareType: 772 }, "Loopback"],
    ["hardware", {}, "Uplink"],
    ["hardware that is a port of a bridge", { master: 9 }, "Uplink"],
    ["a bond", { driver: "bond" }, "Uplink"],
    ["a VLAN of hardware", { driver: "vlan", peer: 2 }, "Uplink"],
    ["a bridge", { driver: "bridge" }, "Bridge"],
    ["Open vSwitch", { driver: "openvswitch" }, "Bridge"],
    ["a veth whose other half is in another namespace", elsewhere, "Pod"],
    ["the same as a port of a bridge", { ...elsewhere, master: 9 }, "Pod"],
    ["a veth whose other half has the same index, in another namespace", { ...elsewhere, peer: 7 }, "Pod"],
    ["a veth with both halves here", { driver: "veth", peer: 3 }, "Unknown"],
    ["netkit into a pod", { driver: "netkit", peerElsewhere: true, peer: 2 }, "Pod"],
    ["a virtual machine's tap", { driver: "tun", master: 9 }, "Pod"],
    ["a tun device", { driver: "tun", hardwareType: 0xfffe }, "Tunnel"],
    ["WireGuard", { driver: "wireguard", hardwareType: 0xfffe }, "Tunnel"],
    ["VXLAN", { driver: "vxlan" }, "Tunnel"],
    ["VXLAN as a port of a bridge", { driver: "vxlan", master: 9 }, "Tunnel"],
    ["Geneve", { driver: "geneve" }, "Tunnel"],
    ["tunl0", { driver: "", hardwareType: 768 }, "Tunnel"],
    ["a dummy", { driver: "dummy" }, "Unknown"],
    ["Infiniband", { hardwareType: 32 }, "Unknown"],
  ])("%s: its kind", (_, properties, kind) => {
    const { state } = new World().link(7, "it", properties);
    expect(describeInterfaces(state)[0]!.kind).toBe(kind);
  });

  test("a veth with the default route that it is the node's uplink", () => {
    for (const [prefix, gateway] of [["0.0.0.0/0", "192.0.2.1"], ["::/0", "2001:db8::1"]] as const) {
      const { state } = new World().link(7, "eth0", elsewhere).route(prefix, 7, gateway);
      expect(describeInterfaces(state)[0]!.kind).toBe("Uplink");
    }
  });

  test("a tun device with the default route that it is an uplink, a bridge that it stays a bridge", () => {
    const { state } = new World()
      .link(7, "tun0", { driver: "tun", hardwareType: 0xfffe }).link(8, "br0", { driver: "bridge" })
      .route("0.0.0.0/0", 7, "192.0.2.1").route("0.0.0.0/0", 8, "192.0.3.1", 254, 100);
    expect(describeInterfaces(state).map(({ kind }) => kind)).toEqual(["Uplink", "Bridge"]);
  });

  test.each([
    ["172.18.0.2/16", "Uplink"],
    ["10.244.0.1/32", "Pod"],
    ["fe80::1/64", "Pod"],
    ["fd00::1/128", "Pod"],
  ])("a veth with our address %s: %s (a second network of a container, a gateway for one pod)", (address, kind) => {
    const { state } = new World().link(7, "eth1", elsewhere).address(7, address);
    expect(describeInterfaces(state)[0]!.kind).toBe(kind);
  });

  test("a mirror port that nobody lives behind it", () => {
    const { state } = new World().link(7, "mirror0", elsewhere);
    expect(describeInterfaces(state, (name) => name === "mirror0")[0]!.kind).toBe("Unknown");
  });

  test("each its index, name, master and addresses, in order of the index", () => {
    const described = describeInterfaces(bridgeWorld().address(2, "fd00::1/64").state);
    expect(described.map(({ index, name, kind, master, addresses }) => [index, name, kind, master, addresses])).toEqual([
      [1, "lo", "Loopback", 0, ["127.0.0.1"]],
      [2, "br0", "Bridge", 0, ["10.244.1.1", "fd00::1"]],
      [3, "up0", "Uplink", 0, ["198.51.100.1"]],
      [4, "vclient", "Pod", 2, []],
      [5, "vserver", "Pod", 2, []],
    ]);
  });
});

test("the numbers of the kinds are those of flow", () => {
  expect(InterfaceKind).toEqual(FlowInterfaceKind);
});

describe("NetworkState", () => {
  test("takes links, addresses and routes up, and a vanished link with all that was on it away", () => {
    const state = new NetworkState();
    for (const name of ["uplink", "addressIpv4", "addressIpv6", "defaultRoute", "multipathRoute", "routeIpv6"] as const) {
      expect(state.apply(recorded(name))).toBe(true);
    }
    expect([state.links.size, state.addresses.size, state.routes.size]).toEqual([1, 2, 3]);
    state.apply(recorded("uplink", { type: 17 }));
    expect([state.links.size, state.addresses.size, state.routes.size]).toEqual([0, 0, 0]);
  });

  test("forgets a neighbour that is deleted, and a forwarding entry unless it has moved", () => {
    const state = new NetworkState();
    state.apply(recorded("neighbourIpv4"));
    state.apply(recorded("neighbourIpv4", { type: 29 }));
    expect(state.neighbours.size).toBe(0);
    const moved = recorded("forwarding");
    state.apply(moved);
    moved.body.view.setInt32(moved.body.offset + 4, 9, true);
    state.apply(moved);
    expect(state.apply(recorded("forwarding", { type: 29 }))).toBe(false);
    expect([...state.forwarding.values()].map(({ interfaceIndex }) => interfaceIndex)).toEqual([9]);
  });

  test("keeps the same IPv6 prefix of two interfaces apart, and replaces when told", () => {
    const state = new NetworkState();
    const other = recorded("routeIpv6");
    other.body.view.setInt32(other.body.offset + 12 + 8 + 8 + 20 + 4, 4, true);
    state.apply(recorded("routeIpv6"));
    state.apply(other);
    expect([...state.routes.values()].map((route) => route.nextHops[0]!.interfaceIndex)).toEqual([3, 4]);
    state.apply({ ...other, flags: 0x100 });
    expect([...state.routes.values()].map((route) => route.nextHops[0]!.interfaceIndex)).toEqual([4]);
  });
});
