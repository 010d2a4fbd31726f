/** Whose story an outcome is told with. */
import { describe, expect, it } from "vitest";
import { defaultSettings } from "../crds/mod.ts";
import { compile } from "./decide/mod.ts";
import { FlowTable } from "./flow/mod.ts";
import { OutcomeRecord } from "./inject/mod.ts";
import { EventRecorder, requestDecision } from "./recorder.ts";
import { Counters } from "./report/mod.ts";

describe("an outcome", () => {
  it("of a connection that was never seen names the FlowReset that asked for it, also when others have asked since", () => {
    const named: string[] = [];
    const { compiled } = compile({ objects: [], settings: defaultSettings(), interfaces: [] });
    const emit = (line: string): unknown => named.push((JSON.parse(line) as { flowreset: { flow_reset: string } }).flowreset.flow_reset);
    const recorder = new EventRecorder(compiled, { ofPolicy: [], names: new Map() }, { counters: new Counters(), emit, nameOf: () => "" });
    recorder.table = new FlowTable({ capacity: 16, seed: 1 });
    for (const origin of [1, 2, 3]) recorder.beginRequest(origin, requestDecision(`default/reset-${origin}`, "", 0));
    for (const origin of [2, 1, 3]) recorder.onOutcome(Object.assign(new OutcomeRecord(), { origin }));
    expect(named).toEqual(["default/reset-2", "default/reset-1", "default/reset-3"]);
  });
});
