import { expect, it } from "vitest";
import { selectorQuery } from "./selectorQuery.ts";

it.each<[Parameters<typeof selectorQuery>[0], string]>([
  [{}, ""],
  [{ matchLabels: { app: "web", tier: "back" } }, "app=web,tier=back"],
  [{ matchLabels: { empty: "" } }, "empty="],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["api", "web"] }] }, "app in (api,web)"],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, "app notin (web)"],
  [{ matchExpressions: [{ key: "app", operator: "Exists", values: [] }] }, "app"],
  [{ matchExpressions: [{ key: "app", operator: "DoesNotExist", values: [] }] }, "!app"],
  [{ matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "In", values: ["back"] }] }, "app=web,tier in (back)"],
])("%j is asked for as %s", (selector, query) => expect(selectorQuery(selector)).toBe(query));
