import { describe, expect, it } from "vitest";
import { labelSelector } from "./labelSelector.ts";

describe("labelSelector", () => {
  it.each([
    [{}, true],
    [{ matchLabels: { app: "web", "example.com/tier": "" } }, true],
    [{ matchExpressions: [{ key: "app", operator: "In", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "app", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "app", operator: "In" }] }, false],
    [{ matchExpressions: [{ key: "app", operator: "Exists", values: ["a"] }] }, false],
    [{ matchExpressions: [{ key: "app", operator: "Gt", values: ["1"] }] }, false],
    [{ matchLabels: { "a b": "c" } }, false],
    [{ matchLabels: { app: 1 } }, false],
    [{ matchLabels: { app: "-" } }, false],
    [{ app: "web" }, false],
    [{ matchLabels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, "x"])) }, false],
  ])("takes %j: %s", (value, good) => expect(labelSelector.safeParse(value).success).toBe(good));
});
