import { expect, it } from "vitest";
import type { NetworkInterface } from "./interfaces.ts";
import { localPrefixes } from "./localPrefixes.ts";
import { parseAddress } from "../decode/mod.ts";

const interfaces = [
  { index: 1, kind: "Bridge" }, { index: 2, kind: "Uplink" }, { index: 3, kind: "Pod" },
] as NetworkInterface[];

it("localPrefixes() are the networks of bridges, this machine's addresses and those of pods beside them", () => {
  const address = (text: string, prefixLength: number, interfaceIndex: number) => ({ words: parseAddress(text)!, prefixLength, interfaceIndex, alone: false });
  const all = [address("10.244.1.1", 24, 1), address("fd00:1::1", 64, 1), address("fe80::1", 64, 1), address("198.51.100.1", 24, 2)];
  const state = { addresses: new Map(all.map((each, i) => [String(i), each])) };
  const place = (text: string, home: number, local = false) => ({ words: parseAddress(text)!, home, local, gateway: false });
  const placements = [
    place("10.244.1.1", 1, true), place("198.51.100.1", 2, true), place("10.244.1.12", 3), place("fd00:1::12", 3),
    place("10.9.0.7", 3), place("192.0.2.1", 2), place("203.0.113.1", 0),
  ];
  expect(localPrefixes(state, interfaces, placements)).toEqual([
    { words: parseAddress("10.244.1.1"), prefixLength: 120 },
    { words: parseAddress("fd00:1::1"), prefixLength: 64 },
    { words: parseAddress("10.9.0.7"), prefixLength: 128 },
    { words: parseAddress("198.51.100.1"), prefixLength: 128 },
  ]);
});
