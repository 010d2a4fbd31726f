import { describe, expect, it } from "vitest";
import type { Finding, InterfaceDescription } from "../../detect/mod.ts";
import { Field, FlowFlag, FlowState } from "../../flow/mod.ts";
import type { FlowLike } from "../../detect/flows.fixture.ts";
import type { CompileInput } from "../compile.ts";
import { Judge } from "../judge.fixture.ts";
import { policy, settings } from "../objects.fixture.ts";

const enforce = (...spec: readonly string[]) => policy({ spec: ["mode: Enforce", ...spec] });

/** Expected, what, policies, more of the compile input, the flow (10.0.0.1:40000 -> 192.0.2.1:80 unless told), the finding. */
type Row = readonly [string, string, readonly string[], Partial<CompileInput>, FlowLike?, Partial<Finding>?];

const protects = (...endpoints: readonly Record<string, unknown>[]): Partial<CompileInput> => ({ settings: settings({ protectedEndpoints: endpoints }) });
const eth0: InterfaceDescription = { index: 2, name: "eth0", kind: "Uplink", addresses: ["192.0.2.1", "2001:db8::1"] };
const management: Partial<CompileInput> = { settings: settings({ managementPorts: ["22"] }), interfaces: [eth0] };
const session: Partial<CompileInput> = { protectedConnections: [{ client: { ip: "10.0.0.1", port: 40_000 }, server: { ip: "192.0.2.1", port: 22 } }] };
const inferred = FlowFlag.BothWays | FlowFlag.Inferred | FlowFlag.Midstream;

const rows: readonly Row[] = [
  ["Reset", "nothing stands in the way", [enforce()], {}],

  // protectedEndpoint
  ["Suppress ProtectedEndpoint", "protected address and port", [enforce()], protects({ cidr: "192.0.2.1/32", ports: ["80"] })],
  ["Reset", "the port beside it", [enforce()], protects({ cidr: "192.0.2.1/32", ports: ["81"] })],
  ["Reset", "the address beside it", [enforce()], protects({ cidr: "192.0.2.0/32", ports: ["80"] })],
  ["Suppress ProtectedEndpoint", "an address without ports, any port", [enforce()], protects({ cidr: "192.0.2.1/32" }), { serverPort: 9 }],
  ["Suppress ProtectedEndpoint", "an address without ports is protected as initiator", [enforce()], protects({ cidr: "10.0.0.1/32" })],
  ["Reset", "an address with ports is not protected as initiator", [enforce()], protects({ cidr: "10.0.0.1/32", ports: ["80"] })],
  ["Reset", "a client's port is no server's port", [enforce()], protects({ cidr: "10.0.0.1/32", ports: ["40000"] })],
  ["Suppress ProtectedEndpoint", "unless which side is the server was only inferred", [enforce()], protects({ cidr: "10.0.0.1/32", ports: ["40000"] }), { flags: inferred }],
  ["Suppress ProtectedEndpoint", "the last of several", [enforce()], protects({ cidr: "203.0.113.0/24" }, { cidr: "2001:db8::/64" }, { cidr: "192.0.2.0/24", ports: ["79-80"] })],
  ["Suppress ProtectedEndpoint", "a SYN to it", [enforce()], protects({ cidr: "192.0.2.1/32" }), { state: FlowState.SynSent }, { handshake: true }],
  ["Suppress ProtectedManagementPort", "management port of this machine", [enforce()], management, { serverPort: 22 }],
  ["Suppress ProtectedManagementPort", "management port of this machine by IPv6", [enforce()], management, { client: "2001:db8::9", server: "2001:db8::1", serverPort: 22 }],
  ["Reset", "the same port of another machine", [enforce()], management, { server: "192.0.2.2", serverPort: 22 }],
  ["Reset", "another port of this machine", [enforce()], management, { serverPort: 23 }],
  ["Suppress ProtectedSession", "the session of who started it", [enforce()], session, { serverPort: 22 }],
  ["Suppress ProtectedSession", "the session first seen the wrong way round", [enforce()], session, { client: "192.0.2.1", clientPort: 22, server: "10.0.0.1", serverPort: 40_000 }],
  ["Reset", "another session of the same two", [enforce()], session, { clientPort: 40_001, serverPort: 22 }],
  ["Reset", "the same ports of another client", [enforce()], session, { client: "10.0.0.2", serverPort: 22 }],

  // exempt
  ["Suppress Exempt", "the client is exempt", [enforce("exempt: [{cidrs: [10.0.0.1/32]}]")], {}],
  ["Suppress Exempt", "the server is exempt", [enforce("exempt: [{cidrs: [198.51.100.0/24]}, {cidrs: [192.0.2.0/24]}]")], {}],
  ["Reset", "the address beside it is not", [enforce("exempt: [{cidrs: [10.0.0.2/32]}]")], {}],
  ["Reset", "a policy's exemption is its own", [enforce(), policy({ name: "z", spec: ["mode: Enforce", "exempt: [{cidrs: [10.0.0.1/32]}]"] })], {}],
  ["Suppress Exempt", "a cluster policy's is everybody's", [policy({ name: "z", cluster: true, rules: ["{name: none, ports: ['1'], connection: {}}"], spec: ["exempt: [{cidrs: [10.0.0.1/32]}]"] }), enforce()], {}, {}, { rule: 1 }],

  // scope
  ["Reset", "confidence reaches the default, High", [enforce()], {}, {}, { confidence: 2 }],
  ["Suppress LowConfidence", "one below High", [enforce()], {}, {}, { confidence: 1 }],
  ["Reset", "reaches Medium", [enforce("respond: {reset: {minConfidence: Medium}}")], {}, {}, { confidence: 1 }],
  ["Suppress LowConfidence", "one below Medium", [enforce("respond: {reset: {minConfidence: Medium}}")], {}, {}, { confidence: 0 }],
  ["Reset", "Low is reached by all", [enforce("respond: {reset: {minConfidence: Low}}")], {}, {}, { confidence: 0 }],

  // identity
  ["Suppress NewConnection", "another connection has taken its place", [enforce()], {}, {}, { generation: 99 }],
  ["Suppress NewConnection", "the slot is free", [enforce()], {}, { state: FlowState.Free }],
  ["Suppress AlreadyClosed", "it has ended", [enforce()], {}, { state: FlowState.Closed }],
  ["Reset", "it is ending", [enforce()], {}, { state: FlowState.Closing }],
  ["Suppress Contested", "two interfaces claim a side", [enforce()], {}, { flags: FlowFlag.BothWays | FlowFlag.Contested }],

  // alive
  ["Suppress NotSeenAlive", "one side, one packet", [enforce()], {}, { flags: FlowFlag.Midstream | FlowFlag.AckOnce0 }],
  ["Reset", "one side whose acknowledgements advanced twice", [enforce()], {}, { flags: FlowFlag.Midstream | FlowFlag.AckAdvanced0 }],
  ["Reset", "the other side's did", [enforce()], {}, { flags: FlowFlag.Midstream | FlowFlag.AckAdvanced1 }],
  ["Refuse", "a SYN", [enforce()], {}, { state: FlowState.SynSent, flags: 0 }, { handshake: true }],

  // authenticated, sharedConnection, beingReset
  ["Suppress Authenticated", "TCP-MD5 or TCP-AO", [enforce()], {}, { flags: FlowFlag.BothWays | FlowFlag.Authenticated }],
  ["Suppress SharedConnection", "many parties in one connection", [enforce()], {}, { flags: FlowFlag.BothWays | FlowFlag.ManyParties }],
  ["Reset", "many parties, and the policy allows it", [enforce("respond: {reset: {allowShared: true}}")], {}, { flags: FlowFlag.BothWays | FlowFlag.ManyParties }],

  // restraints
  ["WouldReset ObserveMode", "the policy observes, as it does by default", [policy({})], {}],
  ["WouldRefuse ObserveMode", "the policy observes a SYN", [policy({})], {}, { state: FlowState.SynSent, flags: 0 }, { handshake: true }],
  ["Suppress ProtectedEndpoint", "Observe asks the guards as well", [policy({})], protects({ cidr: "192.0.2.1/32" })],
];

describe("one guard at a time", () => {
  for (const [expected, name, policies, input, flow, finding] of rows) it(`${expected}: ${name}`, () => expect(new Judge(policies, input).judge(flow, finding)).toBe(expected));

  it("Suppress AlreadyBeingReset: a kill works on it, or on the connection's other tuple", () => {
    const judge = new Judge([enforce()]);
    const [slot, twin] = [judge.flows.add(), judge.flows.add()];
    judge.flows.set(slot, Field.Kill, 0);
    expect(judge.judgeSlot(slot)).toBe("Suppress AlreadyBeingReset");
    judge.flows.set(slot, Field.Kill, -1);
    judge.flows.set(slot, Field.Twin, twin);
    judge.flows.set(twin, Field.Kill, 3);
    expect(judge.judgeSlot(slot)).toBe("Suppress AlreadyBeingReset");
    judge.flows.set(twin, Field.Kill, -1);
    expect(judge.judgeSlot(slot)).toBe("Reset");
  });

  it("Reset: the connection's other tuple was seen alive, where the initial sequence numbers made them one", () => {
    const { BothWays, Midstream } = FlowFlag;
    for (const [own, other, expected] of [
      [0, BothWays, "Reset"], [0, 0, "Suppress NotSeenAlive"], [Midstream, BothWays, "Suppress NotSeenAlive"], [0, BothWays | Midstream, "Suppress NotSeenAlive"],
    ] as const) {
      const judge = new Judge([enforce()]);
      expect(judge.judge({ flags: own, twin: judge.flows.add({ flags: other }) })).toBe(expected);
    }
  });

  it("Suppress ProtectedEndpoint, Suppress Exempt: by the connection's other tuple", () => {
    for (const [judge, expected] of [
      [new Judge([enforce()], protects({ cidr: "172.16.0.2/32", ports: ["6443"] })), "Suppress ProtectedEndpoint"],
      [new Judge([enforce("exempt: [{cidrs: [172.16.0.2/32]}]")]), "Suppress Exempt"],
    ] as const) {
      const twin = judge.flows.add({ server: "172.16.0.2", serverPort: 6443 });
      expect(judge.judge({ twin })).toBe(expected);
    }
  });

  it("the emergency stop turns Reset into WouldReset until it is taken back", () => {
    const judge = new Judge([enforce()]);
    judge.stop[0] = 1;
    expect(judge.judge()).toBe("WouldReset EmergencyStop");
    expect(judge.judge({ state: FlowState.SynSent }, { handshake: true })).toBe("WouldRefuse EmergencyStop");
    judge.stop[0] = 0;
    expect(judge.judge()).toBe("Reset");
  });
});

describe("hold", () => {
  const hold = enforce("respond: {reset: {hold: 60s}}");
  const held = (input: Partial<CompileInput>, flow: FlowLike = {}) => {
    const judge = new Judge([hold], input);
    expect(judge.judge(flow)).toBe("Reset");
    return [judge.decider.decision.holdMs, judge.decider.decision.holdRefused];
  };
  const shared = { settings: settings({ sharedClients: ["10.0.0.1/32"] }) };
  const node: Partial<CompileInput> = { interfaces: [{ index: 2, name: "eth0", kind: "Uplink", addresses: ["10.0.0.1"] }] };
  const pod: Partial<CompileInput> = { interfaces: [{ index: 2, name: "eth0", kind: "Uplink", addresses: ["10.0.0.2"] }] };

  it("is granted to a client of its own", () => expect(held({})).toEqual([60_000, 0]));
  it("is refused where the client is listed as shared", () => expect(held(shared)).toEqual([0, "SharedClient"]));
  it("is granted where only the server is", () => expect(held(shared, { client: "10.0.0.2", server: "10.0.0.1" })).toEqual([60_000, 0]));
  it("is refused where the server is and who is who was inferred", () => expect(held(shared, { client: "10.0.0.2", server: "10.0.0.1", flags: inferred })).toEqual([0, "SharedClient"]));
  it("is refused where the client is this node", () => expect(held(node)).toEqual([0, "SharedClient"]));
  it("is granted to a client beside this node", () => expect(held(pod)).toEqual([60_000, 0]));
});
