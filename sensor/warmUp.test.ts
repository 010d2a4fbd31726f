import { describe, expect, it } from "vitest";
import { defaultSettings, parseDocuments } from "../crds/mod.ts";
import { compile } from "./decide/mod.ts";
import { CONVERSATIONS, warmUp, warmUpText } from "./warmUp.ts";

describe("warmUp()", () => {
  it("has a policy that the language accepts as it stands", () => {
    const { objects, problems, notes } = parseDocuments(warmUpText(), "warm-up", { standalone: true });
    expect([...problems, ...notes]).toEqual([]);
    expect(objects).toHaveLength(1);
  });

  it("runs through detection to a kill, until the node's budget says no", () => {
    const { objects } = parseDocuments(warmUpText(), "warm-up", { standalone: true });
    const { compiled, notes } = compile({ objects, settings: defaultSettings(), interfaces: [] });
    expect(notes).toEqual([]);
    expect(warmUp({ compiled })).toBeGreaterThanOrEqual(CONVERSATIONS / 2);
  });
});
