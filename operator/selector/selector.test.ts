import { describe, expect, it } from "vitest";
import { selectorQuery, selects } from "./mod.ts";

const labels = { app: "web", tier: "front", empty: "" };
const expression = (key: string, operator: "In" | "NotIn" | "Exists" | "DoesNotExist", values: string[] = []) => ({ matchExpressions: [{ key, operator, values }] });

describe("a selector", () => {
  for (const [selector, chosen, query] of [
    [{}, true, ""],
    [{ matchLabels: { app: "web" } }, true, "app=web"],
    [{ matchLabels: { app: "web", tier: "back" } }, false, "app=web,tier=back"],
    [{ matchLabels: { empty: "" } }, true, "empty="],
    [{ matchLabels: { constructor: "x" } }, false, "constructor=x"],
    [expression("app", "In", ["api", "web"]), true, "app in (api,web)"],
    [expression("none", "In", ["web"]), false, "none in (web)"],
    [expression("app", "NotIn", ["web"]), false, "app notin (web)"],
    [expression("none", "NotIn", ["web"]), true, "none notin (web)"],
    [expression("empty", "Exists"), true, "empty"],
    [expression("toString", "Exists"), false, "toString"],
    [expression("none", "DoesNotExist"), true, "!none"],
    [expression("app", "DoesNotExist"), false, "!app"],
    [{ matchLabels: { app: "web" }, ...expression("tier", "In", ["back"]) }, false, "app=web,tier in (back)"],
  ] as const) {
    it(`${query === "" ? "that is empty" : query} ${chosen ? "chooses" : "leaves"} them`, () => {
      expect(selects(selector as Parameters<typeof selects>[0], labels)).toBe(chosen);
      expect(selectorQuery(selector as Parameters<typeof selects>[0])).toBe(query);
    });
  }
});
