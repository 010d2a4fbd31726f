import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { nodeUidOfToken } from "./tokenNode.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-token-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tokenOf = (payload: unknown) => `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln\n`;

it.each<[string, string, string | undefined]>([
  ["of a pod on a node", tokenOf({ "kubernetes.io": { namespace: "flowreset-system", node: { name: "n1", uid: "9a" } } }), "9a"],
  ["of no node", tokenOf({ "kubernetes.io": { namespace: "flowreset-system" } }), undefined],
  ["with a number for a uid", tokenOf({ "kubernetes.io": { node: { uid: 7 } } }), undefined],
  ["that says nothing", tokenOf(null), undefined],
  ["that is none", "not a token", undefined],
  ["that is empty", "", undefined],
])("reads whose node a token is that is %s", (_, text, uid) => {
  writeFileSync(join(folder, "token"), text);
  expect(nodeUidOfToken(folder)).toBe(uid);
});

it("knows no node without a token", () => expect(nodeUidOfToken(join(folder, "absent"))).toBeUndefined());
