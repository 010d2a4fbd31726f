import { describe, expect, it } from "vitest";
import { z } from "zod";
import { clusterResponsePolicy, responsePolicy, responsePolicySpec } from "./responsePolicy.ts";
import { faultsOf, leastPolicy, leastRule, notesOf, policyWith, ruleWith } from "./spec.fixture.ts";
import { ruleRuns } from "./values/mod.ts";

describe("a ResponsePolicy", () => {
  it("has every default filled in", () => {
    expect(responsePolicySpec.parse({ rules: [{ name: "r", connection: {} }] })).toEqual({
      mode: "Observe",
      severity: "Medium",
      tags: [],
      subject: { cidrs: [], interfaces: [] },
      rules: [
        {
          name: "r",
          peers: { cidrs: [], except: [], scope: "Any" },
          ports: [],
          direction: "Any",
          connection: { phase: "Handshake", client: { cidrs: [], ports: [] }, server: { cidrs: [], ports: [] } },
        },
      ],
      respond: { reset: { target: "Both", hold: "0s", minConfidence: "High", allowShared: false }, evidence: { packets: 0 } },
      limits: { connectionsPerMinutePerNode: 60, rstPacketsPerConnection: 64 },
      exempt: [],
    });
  });

  it("is not changed by being read twice, and two never share a default", () => {
    const once = responsePolicySpec.parse({ rules: [leastRule] });
    expect(responsePolicySpec.parse(once)).toEqual(once);
    once.subject.cidrs.push("10.0.0.0/8");
    expect(responsePolicySpec.parse({ rules: [leastRule] }).subject.cidrs).toEqual([]);
  });

  it("can be written as a JSON schema, the source of its CRD: no transforms", () => {
    for (const schema of [responsePolicy, clusterResponsePolicy]) {
      expect(() => z.toJSONSchema(schema, { target: "openapi-3.0", io: "input", unrepresentable: "throw", cycles: "throw" })).not.toThrow();
    }
  });

  const refused: [string, unknown, string][] = [
    ["no rules", policyWith({ rules: [] }), "rules: Cannot take this value, expected at least 1 entries: current count is 0"],
    ["rules left out", { ...leastPolicy, spec: {} }, "rules: Cannot do without this field, expected a list: current value is absent"],
    ["65 rules", policyWith({ rules: Array.from({ length: 65 }, (_, index) => ({ name: `r${index}`, connection: {} })) }), "rules: Cannot take this value, expected at most 64 entries: current count is 65"],
    ["rules as a map", policyWith({ rules: leastRule }), "rules: Cannot take this value, expected a list: current value is a map of 2"],
    ["a rule's name twice", policyWith({ rules: [leastRule, leastRule] }), 'rules[1].name: Cannot use a name twice, expected a name of its own: current value is "r"'],
    ["a misspelt field", policyWith({ moode: "Enforce" }), 'moode: Cannot use an unknown field of spec, did you mean mode: current field is "moode"'],
    ["a field one level too high", policyWith({ hold: "1s" }), 'hold: Cannot use an unknown field of spec, expected one of mode, severity, tags, subject, rules, respond, limits, exempt: current field is "hold"'],
    ["a field of a part", policyWith({ interfaces: ["eth0"] }), 'interfaces: Cannot use an unknown field of spec, did you mean subject.interfaces: current field is "interfaces"'],
    ["a mode in lower case", policyWith({ mode: "enforce" }), 'mode: Cannot take this value, expected one of Observe, Enforce, did you mean Enforce: current value is "enforce"'],
    ["a number for a tag", policyWith({ tags: [1] }), "tags[0]: Cannot take this value, expected a string: current value is 1"],
    ["a hold too long", policyWith({ respond: { reset: { hold: "25h" } } }), 'respond.reset.hold: Cannot read a duration, expected 0s to 24h: current value is "25h"'],
    ["a hold without a unit", policyWith({ respond: { reset: { hold: 60 } } }), "respond.reset.hold: Cannot read a duration, expected a number and its unit such as 60s, 5m or 1h30m, from 0s to 24h: current value is 60"],
    ["a yes for allowShared", policyWith({ respond: { reset: { allowShared: "yes" } } }), 'respond.reset.allowShared: Cannot take this value, expected true or false: current value is "yes"'],
    ["a limit of 0", policyWith({ limits: { connectionsPerMinutePerNode: 0 } }), "limits.connectionsPerMinutePerNode: Cannot take this value, expected at least 1: current value is 0"],
    ["half a packet", policyWith({ limits: { rstPacketsPerConnection: 1.5 } }), "limits.rstPacketsPerConnection: Cannot take this value, expected a whole number: current value is 1.5"],
    ["infinitely many", policyWith({ limits: { rstPacketsPerConnection: Infinity } }), "limits.rstPacketsPerConnection: Cannot take this value, expected a number: current value is Infinity"],
    ["an exemption of nobody", policyWith({ exempt: [{ cidrs: [] }] }), "exempt[0].cidrs: Cannot take this value, expected at least 1 entries: current count is 0"],
    ["an empty respond", policyWith({ respond: null }), "respond: Cannot take this value, expected a map: current value is null"],
    ["no metadata", { ...leastPolicy, metadata: undefined }, "metadata: Cannot do without this field, expected a map: current value is absent"],
    ["no name", { ...leastPolicy, metadata: {} }, "metadata: Cannot do without a name, expected metadata.name or metadata.generateName: current value is absent"],
    ["another version", { ...leastPolicy, apiVersion: "flowreset.io/v1" }, 'apiVersion: Cannot use this apiVersion, expected flowreset.io/v1alpha1: current value is "flowreset.io/v1"'],
    ["a misspelt kind", { ...leastPolicy, kind: "ResponsPolicy" }, 'kind: Cannot use this kind, expected one of ResponsePolicy, ClusterResponsePolicy, FlowReset, ClusterFlowReset, SensorFleet, SensorNode, SensorSettings, did you mean ResponsePolicy: current value is "ResponsPolicy"'],
    ["a planned kind", { ...leastPolicy, kind: "Playbook" }, 'kind: Cannot use this kind, not supported yet, expected one of ResponsePolicy, ClusterResponsePolicy, FlowReset, ClusterFlowReset, SensorFleet, SensorNode, SensorSettings: current value is "Playbook"'],
    ["a kind that is no text", { ...leastPolicy, kind: ["ResponsePolicy"] }, "kind: Cannot use this kind, expected one of ResponsePolicy, ClusterResponsePolicy, FlowReset, ClusterFlowReset, SensorFleet, SensorNode, SensorSettings: current value is a list of 1"],
    ["a kind out of a prototype", { ...leastPolicy, kind: "constructor" }, 'kind: Cannot use this kind, expected one of ResponsePolicy, ClusterResponsePolicy, FlowReset, ClusterFlowReset, SensorFleet, SensorNode, SensorSettings: current value is "constructor"'],
  ];
  it.each(refused)("is refused for %s", (_name, value, fault) => expect(faultsOf(value)).toEqual([fault]));

  it("takes nothing from a __proto__ field", () => {
    const value = JSON.parse('{"rules": [{"name": "r", "connection": {}}], "__proto__": {"mode": "Enforce"}}') as unknown;
    expect(responsePolicySpec.safeParse(value).success).toBe(false);
  });

  describe("that enforces a rule which names nothing", () => {
    const enforce = (rule: object, more: object = {}) => faultsOf(policyWith({ mode: "Enforce", rules: [{ name: "r", ...rule }], ...more }));
    it.each([
      ["no more than a phase", { connection: { phase: "Established" } }],
      ["a direction without a subject", { connection: {}, direction: "Inbound" }],
    ])("is refused: %s", (_name, rule) =>
      expect(enforce(rule)).toEqual(["rules[0]: Cannot enforce a rule that matches every connection, expected a subject, peers, ports, or the cidrs or ports of the client or server: current rule is r"]));
    it.each([
      ["a subject", { connection: {} }, { subject: { interfaces: ["veth*"] } }],
      ["a peer", { connection: {}, peers: { scope: "External" } }, {}],
      ["a port", { connection: {}, ports: ["22"] }, {}],
      ["an end", { connection: { server: { cidrs: ["0.0.0.0/0"] } } }, {}],
      ["something seen in it", { connection: {}, signature: { rules: ["x"] } }, {}],
    ])("is taken with %s", (_name, rule, more) => expect(enforce(rule, more)).toEqual([]));
    it("is taken in Observe", () => expect(faultsOf(policyWith({ rules: [{ name: "r", connection: {} }] }))).toEqual([]));
  });

  it("with many things wrong has each named", () => {
    expect(faultsOf(policyWith({ mode: "x", severity: 1, rules: [{ name: "A", peers: { cidrs: ["x"] }, ports: [80], signature: {} }] })).map((fault) => fault.split(": ")[0])).toEqual([
      "mode",
      "severity",
      "rules[0].name",
      "rules[0].peers.cidrs[0]",
      "rules[0].ports[0]",
      "rules[0].signature",
    ]);
  });
});

describe("a rule", () => {
  it.each([
    ["no detector", policyWith({ rules: [{ name: "r" }] }), /^rules\[0\]: Cannot use a rule without a detector, expected one or more of connection, signature, .*: current count is 0$/],
    ["a misspelt detector", policyWith({ rules: [{ name: "r", signatures: {} }] }), /^rules\[0\]\.signatures: .*did you mean signature: /],
    ["a null detector", ruleWith({ connection: null }), /^rules\[0\]\.connection: Cannot take this value, expected a map: current value is null$/],
    ["an empty signature", ruleWith({ signature: {} }), /^rules\[0\]\.signature: Cannot match an empty signature detector/],
    ["a blank signature", ruleWith({ signature: { rules: [" \n"] } }), /^rules\[0\]\.signature\.rules\[0\]: Cannot read a signature/],
    ["a signature too long", ruleWith({ signature: { rules: ["x".repeat(8193)] } }), /^rules\[0\]\.signature\.rules\[0\]: Cannot read a signature, expected at most 8192 characters: /],
    ["too many signatures", ruleWith({ signature: { rules: Array.from({ length: 257 }, () => "x") } }), /expected at most 256 entries: current count is 257$/],
    ["a number for a port", ruleWith({ ports: [80] }), /^rules\[0\]\.ports\[0\]: Cannot read a port, expected a quoted port or range such as "80" or "8000-8999": current value is 80$/],
    ["a range upside down", ruleWith({ ports: ["90-80"] }), /expected 1 to 65535, the lower end first: current value is "90-80"$/],
    ["an impossible CIDR", ruleWith({ peers: { cidrs: ["10.0.0.0/33"] } }), /^rules\[0\]\.peers\.cidrs\[0\]: Cannot read a CIDR, expected an address and prefix length .*: current value is "10\.0\.0\.0\/33"$/],
    ["a CIDR with host bits", ruleWith({ peers: { except: ["10.0.0.5/8"] } }), /expected no bits below the prefix, 10\.0\.0\.0\/8 or 10\.0\.0\.5\/32: /],
    ["an address for a CIDR", ruleWith({ peers: { cidrs: ["2001:db8::1"] } }), /expected a prefix length, 2001:db8::1\/128 for this one address: /],
    ["too many CIDRs", ruleWith({ peers: { cidrs: Array.from({ length: 1025 }, () => "10.0.0.0/8") } }), /expected at most 1024 entries: current count is 1025$/],
    ["a direction of another", ruleWith({ direction: "Egress" }), /expected one of Inbound, Outbound, Any: current value is "Egress"$/],
    ["a phase in the wrong case", ruleWith({ connection: { phase: "established" } }), /did you mean Established: current value is "established"$/],
    ["a glob of an interface too long", policyWith({ subject: { interfaces: ["a".repeat(16)] } }), /^subject\.interfaces\[0\]: Cannot read an interface name/],
  ])("is refused for %s", (_name, value, fault) => {
    const faults = faultsOf(value);
    expect(faults[0]).toMatch(fault);
  });

  it.each([
    ["a reserved detector", { beacon: { interval: "1h" } }, ["rules[0].beacon: Cannot use beacon, not supported yet, so that the rule never fires: current rule is r"]],
    ["names of hosts", { peers: { fqdns: ["*.example.com"] } }, ["rules[0].peers.fqdns: Cannot use peers.fqdns, not supported yet, so that the rule never fires: current rule is r"]],
    ["references alone", { signature: { signatureSetRefs: ["et-open"] } }, ["rules[0].signature.signatureSetRefs: Cannot use signature.signatureSetRefs, not supported yet, so that the rule never fires: current rule is r"]],
    ["nothing of the kind", { signature: { rules: ["x"] } }, []],
  ])("that uses %s is valid, and never fires where that would widen it", (_name, part, notes) => {
    expect([faultsOf(ruleWith(part)), notesOf(ruleWith(part))]).toEqual([[], notes]);
    const { rules } = responsePolicySpec.parse({ rules: [{ ...leastRule, ...part }] });
    expect(ruleRuns(rules[0]!)).toBe(notes.length === 0);
  });

  it("with signatures of its own beside references fires on its own", () => {
    const part = { signature: { rules: ["x"], signatureSetRefs: ["et-open"] } };
    expect(notesOf(ruleWith(part))).toEqual(["rules[0].signature.signatureSetRefs: Cannot use signatureSetRefs, not supported yet, so that only the rules beside it count: current rule is r"]);
    expect(ruleRuns(responsePolicySpec.parse({ rules: [{ ...leastRule, ...part }] }).rules[0]!)).toBe(true);
  });

  it("that would keep evidence says that none is kept", () => {
    expect(notesOf(policyWith({ respond: { evidence: { packets: 64 } } }))).toEqual(["respond.evidence.packets: Cannot keep evidence, not supported yet: current value is 64"]);
  });
});

describe("where a policy stands", () => {
  const pods = { matchLabels: { app: "web" } };
  const cluster = (value: unknown) => ({ ...(value as object), kind: "ClusterResponsePolicy" });
  it.each([
    ["pods in a file", policyWith({ subject: { podSelector: pods } }), true, ["subject.podSelector"]],
    ["service accounts in a file", policyWith({ subject: { serviceAccounts: ["default"] } }), true, ["subject.serviceAccounts"]],
    ["an empty selector in a file", policyWith({ subject: { podSelector: {} } }), true, ["subject.podSelector"]],
    ["namespaces and nodes in a file", cluster(policyWith({ subject: { namespaceSelector: pods, nodeSelector: pods, nodeTraffic: true } })), true, ["subject.namespaceSelector", "subject.nodeSelector", "subject.nodeTraffic"]],
    ["peers' pods in a file", ruleWith({ peers: { podSelector: pods, namespaceSelector: pods } }), true, ["rules[0].peers.podSelector", "rules[0].peers.namespaceSelector"]],
    ["CIDRs and interfaces in a file", policyWith({ subject: { cidrs: ["10.0.0.0/8"], interfaces: ["veth*"] } }), true, []],
    ["pods in a cluster", policyWith({ subject: { podSelector: pods } }), false, []],
    ["nodes in a namespace", policyWith({ subject: { namespaceSelector: pods, nodeSelector: pods, nodeTraffic: true, interfaces: ["eth0"] } }), false, ["subject.namespaceSelector", "subject.nodeSelector", "subject.nodeTraffic", "subject.interfaces"]],
    ["nodes in a cluster policy", cluster(policyWith({ subject: { namespaceSelector: pods, nodeTraffic: true } })), false, []],
    ["a namespace for a cluster policy", { ...(cluster(leastPolicy) as object), metadata: { name: "p", namespace: "shop" } }, true, ["metadata.namespace"]],
  ])("%s: faults at %j", (_name, value, standalone, fields) => {
    expect(faultsOf(value, { standalone }).map((fault) => fault.split(": ")[0])).toEqual(fields);
  });

  it("is told in clear words", () => {
    expect(faultsOf(policyWith({ subject: { podSelector: pods } }))).toEqual([
      "subject.podSelector: Cannot select pods, namespaces or nodes in a file (there are none here), expected cidrs or interfaces: current field is podSelector",
    ]);
  });
});
