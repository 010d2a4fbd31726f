import { describe, expect, it } from "vitest";
import { isEmptySelector, selects } from "./mod.ts";

type Selector = Parameters<typeof selects>[0];
const labels = { app: "web", tier: "front", empty: "" };
const expression = (key: string, operator: "In" | "NotIn" | "Exists" | "DoesNotExist", values: string[] = []): Selector => ({ matchExpressions: [{ key, operator, values }] });
const rows: [string, Selector, boolean][] = [
  ["that is empty", {}, true],
  ["whose parts are empty", { matchLabels: {}, matchExpressions: [] }, true],
  ["for a label", { matchLabels: { app: "web" } }, true],
  ["for two labels of which one is another's", { matchLabels: { app: "web", tier: "back" } }, false],
  ["for an empty value", { matchLabels: { empty: "" } }, true],
  ["for a name that every object of JavaScript has", { matchLabels: { constructor: "x" } }, false],
  ["for a value of some", expression("app", "In", ["api", "web"]), true],
  ["for a value of others", expression("app", "In", ["api"]), false],
  ["for a value where there is none", expression("none", "In", ["web"]), false],
  ["against its value", expression("app", "NotIn", ["web"]), false],
  ["against a value where there is none", expression("none", "NotIn", ["web"]), true],
  ["for a label of any value", expression("empty", "Exists"), true],
  ["for any value of a name that every object of JavaScript has", expression("toString", "Exists"), false],
  ["against a label that is not there", expression("none", "DoesNotExist"), true],
  ["against a label that is there", expression("app", "DoesNotExist"), false],
  ["of which one part holds", { matchLabels: { app: "web" }, ...expression("tier", "In", ["back"]) }, false],
];

describe("a selector", () => {
  it.each(rows)("%s: %j chooses the labels: %s", (_, selector, chosen) => expect(selects(selector, labels)).toBe(chosen));

  it.each(rows)("%s: %j chooses labels that are not known only where it demands nothing", (_, selector) => expect(selects(selector, undefined)).toBe(isEmptySelector(selector)));

  it("is empty where it has no demand", () => expect(rows.filter(([, selector]) => isEmptySelector(selector))).toHaveLength(2));
});
