import { expect, it } from "vitest";
import type { PodIdentity } from "./decide/mod.ts";
import { podsByAddress, spelled } from "./podsByAddress.ts";

const pod = (name: string, interfaceIndex: number): PodIdentity => ({ uid: name, namespace: "shop", name, labels: {}, serviceAccount: "default", addresses: ["10.244.1.7", `2001:db8::${name}`], interfaceIndex });

it.each([
  ["told first", [pod("1", 5), pod("2", 0)], "1"],
  ["told last", [pod("1", 0), pod("2", 5)], "2"],
  ["alone", [pod("1", 0)], "1"],
])("an address that two pods are said to have is the one's that has an interface, %s", (_, pods, name) => {
  expect(podsByAddress(pods).get("10.244.1.7")?.name).toBe(name);
  expect(podsByAddress(pods).size).toBe(pods.length + 1);
});

it.each([
  ["FD00:0:0::0007", "fd00::7"],
  ["fd00::7", "fd00::7"],
  ["10.0.0.1", "10.0.0.1"],
  ["no address", "no address"],
])("%s is spelled %s", (written, text) => {
  expect(spelled(written)).toBe(text);
});
