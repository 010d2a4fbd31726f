import { describe, expect, it } from "vitest";
import { InterfaceKind } from "../flow/mod.ts";
import { Way, otherWayTo, wayTo } from "./route.ts";
import type { InjectRoute } from "./route.ts";

const mirror: InjectRoute = { interfaceIndex: 7 };

const cases: readonly (readonly [way: number, other: number, what: string, sight: { interfaceIndex: number; incoming: boolean; kind: number }, route: InjectRoute])[] = [
  [Way.Frame, Way.Raw, "a pod behind its own veth", { interfaceIndex: 3, incoming: true, kind: InterfaceKind.Pod }, "near"],
  [Way.Frame, Way.Raw, "an interface that nobody has named", { interfaceIndex: 3, incoming: true, kind: InterfaceKind.Unknown }, "near"],
  [Way.Raw, Way.None, "a far end, seen only on its way to a pod", { interfaceIndex: 3, incoming: false, kind: InterfaceKind.Pod }, "near"],
  [Way.Raw, Way.None, "an end of which nothing was seen", { interfaceIndex: 0, incoming: false, kind: InterfaceKind.Unknown }, "near"],
  [Way.Raw, Way.None, "a socket of the node, seen leaving by the uplink", { interfaceIndex: 2, incoming: false, kind: InterfaceKind.Uplink }, "near"],
  [Way.Raw, Way.Frame, "an outside host behind the uplink", { interfaceIndex: 2, incoming: true, kind: InterfaceKind.Uplink }, "near"],
  [Way.Raw, Way.Frame, "a pod seen only on the bridge", { interfaceIndex: 4, incoming: true, kind: InterfaceKind.Bridge }, "near"],
  [Way.Raw, Way.Frame, "a peer behind a tunnel", { interfaceIndex: 5, incoming: true, kind: InterfaceKind.Tunnel }, "near"],
  [Way.Raw, Way.Frame, "both ends on the loopback", { interfaceIndex: 1, incoming: true, kind: InterfaceKind.Loopback }, "near"],
  [Way.Raw, Way.None, "anybody on a mirror port", { interfaceIndex: 3, incoming: true, kind: InterfaceKind.Unknown }, mirror],
];

describe("wayTo()", () => {
  for (const [way, other, what, sight, route] of cases) {
    it(`${what}: ${way === Way.Frame ? "by frame" : "by raw socket"}, then ${["by frame", "by raw socket", "not at all"][other]}`, () => {
      expect([wayTo(sight, route), otherWayTo(sight, route)]).toEqual([way, other]);
    });
  }
});
