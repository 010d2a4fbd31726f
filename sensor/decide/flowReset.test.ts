import { describe, expect, it } from "vitest";
import type { FlowLike } from "../detect/flows.fixture.ts";
import { Field, FlowFlag, FlowState } from "../flow/mod.ts";
import { flowResetIsExact } from "./flowResetMatch.ts";
import { Judge } from "./judge.fixture.ts";
import { compileTexts, reset, settings } from "./objects.fixture.ts";

const inferred = { flags: FlowFlag.Midstream | FlowFlag.Inferred };

describe("flowResetMatches()", () => {
  // the flow is 10.0.0.1:40000 -> 192.0.2.1:80 unless told
  const rows: readonly (readonly [string, string, FlowLike?])[] = [
    ["Reset", "{client: {ip: 10.0.0.1}}"],
    ["no match", "{client: {ip: 10.0.0.2}}"],
    ["no match", "{server: {ip: 10.0.0.1}}"],
    ["Reset", "{server: {ip: 192.0.2.1, port: 80}}"],
    ["no match", "{server: {ip: 192.0.2.1, port: 81}}"],
    ["Reset", "{client: {ip: 10.0.0.1, port: 40000}, server: {ip: 192.0.2.1, port: 80}}"],
    ["no match", "{client: {ip: 10.0.0.1, port: 40001}, server: {ip: 192.0.2.1, port: 80}}"],
    ["Reset", "{client: {cidr: 10.0.0.0/24}}"],
    ["no match", "{client: {cidr: 10.0.1.0/24}}"],
    ["Reset", "{client: {cidr: 0.0.0.0/0}, server: {ip: 192.0.2.1}}"],
    ["no match", "{client: {cidr: '::/0'}, server: {ip: 192.0.2.1}}"],
    ["Reset", "{client: {cidr: '::/0'}, server: {cidr: '2001:db8::/64'}}", { client: "fe80::1", server: "2001:db8::ffff:0:0:1" }],
    ["no match", "{server: {cidr: '2001:db8::/64'}}", { client: "fe80::1", server: "2001:db8:0:1::1" }],
    // who is who was inferred: either way round
    ["no match", "{client: {ip: 192.0.2.1, port: 80}}"],
    ["Reset", "{client: {ip: 192.0.2.1, port: 80}}", inferred],
    ["no match", "{client: {ip: 192.0.2.1, port: 40000}}", inferred],
    ["Reset", "{client: {ip: 10.0.0.1}}", inferred],
    // neither liveness nor identity is asked: a person has named it
    ["Reset", "{client: {ip: 10.0.0.1}}", { flags: 0, state: FlowState.SynSent }],
    ["no match", "{client: {ip: 10.0.0.1}}", { state: FlowState.Closed }],
    ["no match", "{client: {ip: 10.0.0.1}}", { state: FlowState.Free }],
  ];
  for (const [expected, match, flow] of rows) it(`${expected}: ${match}${flow === undefined ? "" : ` ${JSON.stringify(flow)}`}`, () => expect(new Judge([reset(match)]).reset(flow)).toBe(expected));
});

describe("decideFlowReset()", () => {
  const match = "{client: {ip: 10.0.0.1}}";
  const held = (judge: Judge, flow?: FlowLike) => [judge.reset(flow), judge.decider.decision.holdMs, judge.decider.decision.holdRefused];

  it("says what to do, and of which FlowReset it comes", () => {
    const judge = new Judge([reset(match, "target: Client", "hold: 60s")]);
    expect(held(judge)).toEqual(["Reset", 60_000, 0]);
    expect(judge.decider.decision).toMatchObject({ flowReset: 0, policy: -1, rule: -1, target: 1, matchedCount: 0 });
  });

  it("never touches what is protected", () => {
    const judge = new Judge([reset(match)], { settings: settings({ protectedEndpoints: [{ cidr: "192.0.2.1/32", ports: ["80"] }] }) });
    expect(judge.reset()).toBe("Suppress ProtectedEndpoint");
    expect(judge.reset({ serverPort: 81 })).toBe("Reset");
  });

  it("does not shoot at an authenticated connection, and joins the kill of one that is being reset", () => {
    const judge = new Judge([reset(match)]);
    expect(judge.reset({ flags: FlowFlag.Authenticated })).toBe("Suppress Authenticated");
    const slot = judge.flows.add();
    judge.flows.set(slot, Field.Kill, 0);
    judge.decider.decideFlowReset(0, slot, 0);
    expect(judge.said()).toBe("Reset");
  });

  it("dryRun and the emergency stop inject nothing", () => {
    expect(new Judge([reset(match, "dryRun: true")]).reset()).toBe("WouldReset DryRun");
    const judge = new Judge([reset(match)]);
    judge.stop[0] = 1;
    expect(judge.reset()).toBe("WouldReset EmergencyStop");
  });

  it("resets the one connection of a shared client and refuses the hold", () => {
    const input = { settings: settings({ sharedClients: ["10.0.0.0/24"] }) };
    expect(held(new Judge([reset(match, "hold: 60s")], input))).toEqual(["Reset", 0, "SharedClient"]);
    expect(held(new Judge([reset(match)], input))).toEqual(["Reset", 0, 0]);
  });

  it("has no budget", () => {
    const judge = new Judge([reset(match)], { settings: settings({ budgets: { connectionsPerMinute: 0 } }) });
    expect(judge.reset()).toBe("Reset");
  });
});

describe("flowResetIsExact()", () => {
  const rows: readonly (readonly [boolean, string])[] = [
    [true, "{client: {ip: 10.0.0.1, port: 1}, server: {ip: 192.0.2.1, port: 2}}"],
    [true, "{client: {ip: 'fe80::1', port: 1}, server: {cidr: '2001:db8::/128', port: 2}}"],
    [false, "{client: {ip: 10.0.0.1}, server: {ip: 192.0.2.1, port: 2}}"],
    [false, "{client: {ip: 10.0.0.1, port: 1}, server: {ip: 192.0.2.1}}"],
    [false, "{client: {cidr: 10.0.0.0/31, port: 1}, server: {ip: 192.0.2.1, port: 2}}"],
    [false, "{client: {ip: 10.0.0.1, port: 1}}"],
  ];
  for (const [expected, match] of rows) it(`${expected}: ${match}`, () => expect(flowResetIsExact(compileTexts([reset(match)]).compiled, 0)).toBe(expected));
});
