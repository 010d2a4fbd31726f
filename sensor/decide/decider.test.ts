import { describe, expect, it } from "vitest";
import { DetectPhase } from "../detect/mod.ts";
import { latin1 } from "../detect/flows.fixture.ts";
import { Field, FLOW_WORDS, FlowFlag, FlowState, SIDE_WORDS, SideField } from "../flow/mod.ts";
import { Claims, createClaims } from "./claims.ts";
import { Judge } from "./judge.fixture.ts";
import { policy, settings } from "./objects.fixture.ts";
import { Stop } from "./stop.ts";
import { verdictName } from "./verdict.ts";

const established = "{name: r, ports: ['1-65535'], connection: {phase: Established}}";

/** Policies p0, p1, ... with these lines of spec. */
function judgeOf(...specs: readonly (readonly string[])[]): Judge {
  return new Judge(specs.map((spec, index) => policy({ name: `p${index}`, spec, rules: [established] })));
}

/** The winner and what is said of each policy, for one flow on which all of them fire. */
function said(judge: Judge): { winner: number; verdict: string; matched: string[] } {
  judge.connect();
  const { decision } = judge.decider;
  const matched = Array.from({ length: decision.matchedCount }, (_, i) => `p${decision.matchedPolicies[i]} ${verdictName(decision.matchedVerdicts[i]!)}${decision.matchedReasons[i] === 0 ? "" : ` ${decision.matchedReasons[i]}`}`);
  return { winner: decision.policy, verdict: judge.said(), matched };
}

describe("from a policy's text to a verdict", () => {
  const jndi = `{name: jndi, ports: ["80"], direction: Any, signature: {rules: ['alert tcp any any -> any any (msg:"jndi"; flow:to_server; content:"\${jndi:"; nocase; sid:1;)']}}`;

  it("an Enforce policy resets the flow whose stream holds the content across a segment border", () => {
    const judge = new Judge([policy({ spec: ["mode: Enforce", "limits: {rstPacketsPerConnection: 9}", "respond: {reset: {target: Server, hold: 5m}}"], rules: [jndi] })]);
    const slot = judge.flows.add();
    judge.detector.onFlow(slot, DetectPhase.Established, 0);
    const bytes = latin1("GET /?x=${JnDi:ldap://");
    judge.detector.onBytes(slot, 0, bytes, 0, 11);
    expect(judge.detector.count).toBe(0);
    judge.detector.onBytes(slot, 0, bytes, 11, bytes.length - 11);
    expect(judge.decider.decideAll(judge.detector.findings, judge.detector.count, judge.nowMs)).toBe(1);
    expect(judge.said()).toBe("Reset");
    expect(judge.decider.decision).toMatchObject({ slot, policy: 0, rule: 0, signature: 0, side: 0, confidence: 2, target: 2, holdMs: 300_000, rstPackets: 9, flowReset: -1, matchedCount: 1 });
  });

  it("a connection to a forbidden place is refused at its SYN and left alone otherwise", () => {
    const judge = new Judge([policy({ spec: ["mode: Enforce", "subject: {cidrs: [10.0.0.0/8]}"], rules: ["{name: c2, direction: Outbound, peers: {scope: External, except: [192.0.2.9/32]}, ports: ['443'], connection: {}}"] })]);
    const syn = (server: string, serverPort = 443, client = "10.0.0.1") => judge.connect({ client, server, serverPort, state: FlowState.SynSent, flags: 0 });
    expect(syn("192.0.2.8")).toBe("Refuse");
    expect(syn("192.0.2.9")).toBe("nothing");
    expect(syn("192.0.2.8", 444)).toBe("nothing");
    expect(syn("192.168.0.1")).toBe("nothing");
    expect(syn("192.0.2.8", 443, "198.51.100.1")).toBe("nothing");
  });
});

describe("which policy wins", () => {
  const rows: readonly (readonly [string, readonly (readonly string[])[], number, readonly string[]])[] = [
    ["any Enforce over Observe, whatever the hold", [["respond: {reset: {hold: 1h}}"], ["mode: Enforce"]], 1, ["p0 WouldReset ObserveMode", "p1 Reset"]],
    ["the longest hold of those that enforce", [["mode: Enforce", "respond: {reset: {hold: 60s}}"], ["mode: Enforce", "respond: {reset: {hold: 61s}}"], ["mode: Enforce"]], 1, ["p0 Reset", "p1 Reset", "p2 Reset"]],
    ["the longest hold of those that observe", [["respond: {reset: {hold: 60s}}"], ["respond: {reset: {hold: 61s}}"]], 1, ["p0 WouldReset ObserveMode", "p1 WouldReset ObserveMode"]],
    ["then the wider target", [["mode: Enforce", "respond: {reset: {target: Client}}"], ["mode: Enforce"]], 1, ["p0 Reset", "p1 Reset"]],
    ["then the first by name", [["mode: Enforce"], ["mode: Enforce"]], 0, ["p0 Reset", "p1 Reset"]],
    ["one that exempts the flow does not stop another", [["mode: Enforce", "exempt: [{cidrs: [10.0.0.0/8]}]"], ["mode: Enforce"]], 1, ["p0 Suppress Exempt", "p1 Reset"]],
    ["an exempt Enforce leaves it to Observe", [["mode: Enforce", "exempt: [{cidrs: [10.0.0.0/8]}]"], []], 1, ["p0 Suppress Exempt", "p1 WouldReset ObserveMode"]],
  ];
  for (const [name, specs, winner, matched] of rows) it(name, () => expect(said(judgeOf(...specs))).toMatchObject({ winner, matched }));

  it.each([
    ["an emergency stop", Stop.Emergency, "EmergencyStop"],
    ["a replay", Stop.Replay, "Replay"],
  ] as const)("%s changes nothing in who wins", (_name, stop, reason) => {
    const judge = judgeOf(["respond: {reset: {hold: 1h}}"], ["mode: Enforce"]);
    judge.stop[0] = stop;
    expect(said(judge)).toEqual({ winner: 1, verdict: `WouldReset ${reason}`, matched: ["p0 WouldReset ObserveMode", `p1 WouldReset ${reason}`] });
  });

  it("where all are held back the first speaks", () => {
    expect(said(judgeOf(["exempt: [{cidrs: [10.0.0.0/8]}]"], ["mode: Enforce", "exempt: [{cidrs: [192.0.2.0/24]}]"]))).toEqual({ winner: 0, verdict: "Suppress Exempt", matched: ["p0 Suppress Exempt", "p1 Suppress Exempt"] });
  });

  it("a policy is named once, whatever number of its rules fired, and by the best of them", () => {
    const judge = new Judge([policy({ spec: ["mode: Enforce"], rules: [established, established.replace("name: r", "name: s")] })]);
    const slot = judge.flows.add();
    const findings = [judge.finding(slot, 0, { confidence: 0 }), judge.finding(slot, 1)];
    expect(judge.decider.decideAll(findings, 2, 0)).toBe(1);
    expect(judge.said()).toBe("Reset");
    expect(judge.decider.decision).toMatchObject({ matchedCount: 1, rule: 1 });
    expect(verdictName(judge.decider.decision.matchedVerdicts[0]!)).toBe("Reset");
  });

  it("names 32 policies and counts the rest, and the last of them may win", () => {
    const judge = new Judge(Array.from({ length: 34 }, (_, i) => policy({ name: `p${i + 10}`, spec: i === 33 ? ["mode: Enforce"] : [], rules: [established] })));
    judge.connect();
    expect(judge.decider.decision).toMatchObject({ matchedCount: 32, matchedDropped: 2, policy: 33 });
    expect(judge.said()).toBe("Reset");
  });

  it("decides the flows of one step apart", () => {
    const judge = judgeOf(["mode: Enforce"]);
    const [a, b] = [judge.flows.add(), judge.flows.add({ state: FlowState.Closed })];
    expect(judge.decider.decideAll([judge.finding(a), judge.finding(b)], 2, 0)).toBe(2);
    expect(judge.decider.decisions.slice(0, 2).map(({ slot, reason }) => [slot, reason])).toEqual([[a, 0], [b, "AlreadyClosed"]]);
  });
});

describe("a finding on a flow not seen alive yet", () => {
  const setFlags = (judge: Judge, slot: number, flags: number) => (judge.flows.words[slot * FLOW_WORDS + Field.Flags]! |= flags);

  it("is decided again when the flow shows life, once", () => {
    const judge = judgeOf(["mode: Enforce"]);
    const slot = judge.flows.add({ flags: FlowFlag.Midstream });
    expect(judge.judgeSlot(slot)).toBe("Suppress NotSeenAlive");
    expect(judge.decider.retry(slot, 0)).toBe(false);
    setFlags(judge, slot, FlowFlag.AckAdvanced1);
    expect(judge.decider.decision.newFindings).toBe(1);
    expect(judge.decider.retry(slot, 0)).toBe(true);
    expect(judge.said()).toBe("Reset");
    expect(judge.decider.decision.newFindings).toBe(0);
    expect(judge.decider.retry(slot, 0)).toBe(false);
    expect(judge.decider.waiting.count).toBe(0);
  });

  it("does not outlive its connection or its policy", () => {
    const judge = judgeOf(["mode: Enforce"]);
    const [reused, swapped] = [judge.flows.add({ flags: 0 }), judge.flows.add({ flags: 0 })];
    judge.judgeSlot(reused);
    judge.judgeSlot(swapped);
    judge.flows.write(reused);
    expect(judge.decider.retry(reused, 0)).toBe(false);
    judge.swap([policy({ rules: [established] })]);
    setFlags(judge, swapped, FlowFlag.BothWays);
    expect(judge.decider.retry(swapped, 0)).toBe(false);
  });

  it("does not wait where another guard stands in the way too", () => {
    const judge = judgeOf(["mode: Enforce", "exempt: [{cidrs: [10.0.0.0/8]}]"]);
    expect(judge.judge({ flags: 0 })).toBe("Suppress Exempt");
    expect(judge.decider.waiting.count).toBe(0);
  });
});

describe("budgets", () => {
  it("of the node are spent by a replay as by live traffic, and not under an emergency stop", () => {
    for (const stop of [Stop.Replay, Stop.Emergency]) {
      const judge = new Judge([policy({ spec: ["mode: Enforce"], rules: [established] })], { settings: settings({ budgets: { connectionsPerMinute: 2 } }) });
      judge.stop[0] = stop;
      judge.judge({ client: "10.0.0.1" });
      judge.judge({ client: "10.0.1.1" });
      judge.stop[0] = Stop.No;
      expect(judge.judge({ client: "10.0.3.1" })).toBe(stop === Stop.Replay ? "Suppress NodeBudget" : "Reset");
    }
  });

  const verdicts = (judge: Judge, flows: readonly string[]) => flows.map((client) => judge.judge({ client }));
  const distinct = (count: number) => Array.from({ length: count }, (_, i) => `10.0.${i}.1`);

  it("a policy's last connection is granted, the next is not, and a minute later it is", () => {
    const judge = judgeOf(["mode: Enforce", "limits: {connectionsPerMinutePerNode: 3}"]);
    expect(verdicts(judge, distinct(4))).toEqual(["Reset", "Reset", "Reset", "Suppress PolicyBudget"]);
    judge.nowMs += 19_999;
    expect(judge.judge()).toBe("Suppress PolicyBudget");
    judge.nowMs += 1;
    expect(judge.judge()).toBe("Reset");
  });

  it("a node's last connection is granted, over all policies", () => {
    const judge = new Judge([0, 1].map((i) => policy({ name: `p${i}`, spec: ["mode: Enforce"], rules: [`{name: r, ports: ["${80 + i}"], connection: {phase: Established}}`] })), { settings: settings({ budgets: { connectionsPerMinute: 3 } }) });
    const ports = [80, 81, 80, 81];
    expect(ports.map((serverPort, i) => judge.connect({ client: `10.0.${i}.1`, serverPort }))).toEqual(["Reset", "Reset", "Reset", "Suppress NodeBudget"]);
  });

  it("a node without a budget resets nothing", () => {
    expect(new Judge([policy({ spec: ["mode: Enforce"] })], { settings: settings({ budgets: { connectionsPerMinute: 0 } }) }).judge()).toBe("Suppress NodeBudget");
  });

  it("one source may use half of what would be left without it, so that others are served", () => {
    const judge = judgeOf(["mode: Enforce", "limits: {connectionsPerMinutePerNode: 16}"]);
    const granted = (client: string, tries: number) => verdicts(judge, Array<string>(tries).fill(client)).filter((verdict) => verdict === "Reset").length;
    expect([granted("10.9.0.1", 20), granted("10.9.0.2", 20), granted("10.9.0.3", 20), granted("10.9.0.4", 20), granted("10.9.0.5", 20)]).toEqual([8, 4, 2, 1, 1]);
  });

  it("what is only observed uses up nothing that Enforce needs", () => {
    const judge = new Judge([policy({ name: "a" }), policy({ name: "b", spec: ["mode: Enforce"] })], { settings: settings({ budgets: { connectionsPerMinute: 2 } }) });
    const judgeRule = (rule: number, client: string) => judge.judge({ client }, { rule });
    expect(distinct(3).map((client) => judgeRule(0, client))).toEqual(["WouldReset ObserveMode", "WouldReset ObserveMode", "Suppress NodeBudget"]);
    expect(distinct(3).map((client) => judgeRule(1, client))).toEqual(["Reset", "Reset", "Suppress NodeBudget"]);
  });

  it("a policy that is over budget leaves it to another", () => {
    const judge = judgeOf(["mode: Enforce", "respond: {reset: {hold: 1h}}", "limits: {connectionsPerMinutePerNode: 1}"], ["mode: Enforce"]);
    expect([said(judge).winner, said(judge)]).toEqual([0, { winner: 1, verdict: "Reset", matched: ["p0 Suppress PolicyBudget", "p1 Reset"] }]);
  });

  it("one connection is killed four times at most; a new one in the slot has its own count", () => {
    const judge = judgeOf(["mode: Enforce"]);
    const slot = judge.flows.add();
    expect(Array.from({ length: 5 }, () => judge.judgeSlot(slot))).toEqual(["Reset", "Reset", "Reset", "Reset", "Suppress FlowBudget"]);
    judge.flows.write(slot);
    expect(judge.judgeSlot(slot)).toBe("Reset");
  });

  it("what was used stays used when policies change, also under another number", () => {
    const tight = policy({ name: "tight", spec: ["mode: Enforce", "limits: {connectionsPerMinutePerNode: 1}"] });
    const judge = new Judge([tight]);
    expect(judge.judge()).toBe("Reset");
    judge.swap([policy({ name: "earlier" }), tight]);
    expect(judge.judge({}, { rule: 1 })).toBe("Suppress PolicyBudget");
    judge.swap([tight.replace("PerNode: 1", "PerNode: 2")]);
    expect(judge.judge({ client: "10.0.7.7" })).toBe("Reset");
    expect(judge.judge({ client: "10.0.8.8" })).toBe("Suppress PolicyBudget");
  });
});

describe("a connection that another Worker sees too, under another tuple", () => {
  const both = FlowFlag.BothWays | FlowFlag.Isn0 | FlowFlag.Isn1;

  function twoWorkers(): [Judge, Judge] {
    const claims = createClaims();
    return [new Judge([policy({ spec: ["mode: Enforce"] })], {}, new Claims(claims, 0)), new Judge([policy({ spec: ["mode: Enforce"] })], {}, new Claims(claims, 1))];
  }

  /** Slot of the connection with these initial sequence numbers. */
  function connection({ flows }: Judge, isn0: number, isn1: number, flow = {}): number {
    const slot = flows.add({ flags: both, ...flow });
    const at = slot * FLOW_WORDS + Field.Sides + SideField.Isn;
    flows.words[at] = isn0;
    flows.words[at + SIDE_WORDS] = isn1;
    return slot;
  }

  it("is reset by the first that decides, and waits at the other until its claim is over", () => {
    const [first, second] = twoWorkers();
    expect(first.judgeSlot(connection(first, 5, -6))).toBe("Reset");
    const there = connection(second, 5, -6, { server: "10.96.0.10" });
    expect(second.judgeSlot(there)).toBe("Suppress AlreadyBeingReset");
    expect(Array.from(second.decider.decision.matchedVerdicts.subarray(0, 1), verdictName)).toEqual(["Suppress"]);
    expect(second.decider.retry(there, second.nowMs + 3_000)).toBe(false);
    expect([second.decider.retry(there, second.nowMs + 10_000), second.said()]).toEqual([true, "Reset"]);
  });

  it("is told from every other, and claims nothing where only the handshake was seen, or nothing of it", () => {
    const [first, second] = twoWorkers();
    first.judgeSlot(connection(first, 5, -6));
    expect(second.judgeSlot(connection(second, 5, -7))).toBe("Reset");
    const unseen = { flags: FlowFlag.BothWays };
    expect([first.judgeSlot(connection(first, 8, 9, unseen)), second.judgeSlot(connection(second, 8, 9, unseen))]).toEqual(["Reset", "Reset"]);
    expect([first.judgeSlot(connection(first, 1, 2), { handshake: true }), second.judgeSlot(connection(second, 1, 2), { handshake: true })]).toEqual(["Refuse", "Refuse"]);
  });
});
