import { describe, expect, it } from "vitest";
import { Detector, DetectPhase } from "../detect/mod.ts";
import { HandMadeFlows, latin1 } from "../detect/flows.fixture.ts";
import { Decider } from "./decider.ts";
import { compileTexts, policy } from "./objects.fixture.ts";
import { Verdict } from "./verdict.ts";

describe("from a policy's text to a verdict", () => {
  it("an Enforce policy resets the flow whose stream holds the content, across a segment border", () => {
    const { compiled, notes } = compileTexts([
      policy({ spec: ["mode: Enforce"], rules: [`{name: jndi, direction: Any, signature: {rules: ['alert tcp any any -> any any (msg:"jndi"; content:"\${jndi:"; nocase; sid:1;)']}}`] }),
    ]);
    expect(notes).toEqual([]);
    const flows = new HandMadeFlows();
    const slot = flows.add();
    const detector = new Detector(flows, compiled.detection);
    const decider = new Decider({ flows, compiled, stop: new Int32Array(1), seed: 1 });
    detector.onFlow(slot, DetectPhase.Established, 0);
    const bytes = latin1("GET /?x=${JnDi:ldap://");
    detector.onBytes(slot, 0, bytes, 0, 11);
    expect(detector.count).toBe(0);
    detector.onBytes(slot, 0, bytes, 11, bytes.length - 11);
    expect(detector.count).toBe(1);
    expect(decider.decide(detector.findings[0]!, 1_000)).toBe(Verdict.Reset);
    expect(decider.decision.matchedCount).toBe(1);
  });
});
