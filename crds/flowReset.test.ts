import { describe, expect, it } from "vitest";
import { z } from "zod";
import { clusterFlowReset, flowReset, flowResetSpec } from "./flowReset.ts";
import { faultsOf, leastReset, notesOf, resetWith } from "./spec.fixture.ts";
import { resetRuns } from "./values/mod.ts";

const match = (value: object) => resetWith({ match: value });

describe("a FlowReset", () => {
  it("has every default filled in", () => {
    expect(flowResetSpec.parse({ match: { client: { ip: "10.0.0.7" } } })).toEqual({
      match: { client: { ip: "10.0.0.7" } },
      target: "Both",
      hold: "0s",
      maxFlows: 100,
      dryRun: false,
      reason: "",
      ttlSecondsAfterFinished: 86_400,
    });
  });

  it("can be written as a JSON schema, the source of its CRD", () => {
    for (const schema of [flowReset, clusterFlowReset]) expect(() => z.toJSONSchema(schema, { target: "openapi-3.0", io: "input", unrepresentable: "throw" })).not.toThrow();
  });

  it.each([
    ["one address", { client: { ip: "10.0.0.7" } }],
    ["one address and port", { server: { ip: "203.0.113.9", port: 443 } }],
    ["a /24", { server: { cidr: "203.0.113.0/24" } }],
    ["a /64", { client: { cidr: "2001:db8::/64" } }],
    ["an address, and a wide network as narrowing", { client: { ip: "10.0.0.7" }, server: { cidr: "0.0.0.0/0" } }],
    ["an address, and a port as narrowing", { client: { ip: "10.0.0.7" }, server: { port: 443 } }],
  ])("may match %s", (_name, value) => expect(faultsOf(match(value))).toEqual([]));

  it.each([
    ["nothing", {}],
    ["an empty client", { client: {} }],
    ["a port alone", { server: { port: 443 } }],
    ["two ports", { client: { port: 1024 }, server: { port: 443 } }],
    ["every name", { sni: "*" }],
    ["one name", { sni: "www.example.com" }],
    ["a /23", { client: { cidr: "10.0.0.0/23" } }],
    ["everything", { client: { cidr: "0.0.0.0/0" }, server: { cidr: "::/0" } }],
    ["a /63", { server: { cidr: "2001:db8::/63" } }],
    ["an empty podSelector", { client: { podSelector: {} } }],
    ["an empty podSelector with empty parts", { client: { podSelector: { matchLabels: {}, matchExpressions: [] } } }],
  ])("may not match %s", (_name, value) => {
    const faults = faultsOf(match(value), { standalone: false });
    expect(faults).toEqual([expect.stringMatching(/^match: Cannot reset what is not named closely, expected a client or server with an ip, a cidr of \/24 \(IPv4\) or \/64 \(IPv6\)/)]);
  });

  it.each([
    ["a match left out", resetWith({ match: undefined }), /^match: Cannot do without this field, expected a map/],
    ["an endpoint chosen twice", match({ client: { ip: "10.0.0.7", cidr: "10.0.0.0/24" } }), /^match\.client: Cannot choose an endpoint in several ways, expected one of ip, cidr, podSelector: current fields are ip, cidr$/],
    ["an impossible address", match({ client: { ip: "10.0.0.256" } }), /^match\.client\.ip: Cannot read an IP address/],
    ["an address that is none of a connection", match({ client: { ip: "0.0.0.0" } }), /expected an address that a connection can have: current value is "0\.0\.0\.0"$/],
    ["a port of 0", match({ client: { ip: "10.0.0.7", port: 0 } }), /^match\.client\.port: Cannot take this value, expected at least 1: current value is 0$/],
    ["a port in quotes", match({ client: { ip: "10.0.0.7", port: "80" } }), /^match\.client\.port: Cannot take this value, expected a whole number: current value is "80"$|expected a number: current value is "80"$/],
    ["a misspelt side", match({ cliend: { ip: "10.0.0.7" } }), /^match\.cliend: Cannot use an unknown field of spec\.match, did you mean client/],
    ["no flows at most", resetWith({ maxFlows: 0 }), /expected at least 1: current value is 0$/],
    ["too many flows at most", resetWith({ maxFlows: 10_001 }), /expected at most 10000: current value is 10001$/],
    ["a target in lower case", resetWith({ target: "both" }), /did you mean Both: current value is "both"$/],
    ["a negative hold", resetWith({ hold: "-1s" }), /^hold: Cannot read a duration/],
    ["a name with blanks", match({ client: { ip: "10.0.0.7" }, sni: "a b" }), /^match\.sni: Cannot read a server name/],
  ])("is refused for %s", (_name, value, fault) => expect(faultsOf(value)[0]).toMatch(fault));

  it("selects pods in a cluster, not in a file", () => {
    const value = match({ client: { podSelector: { matchLabels: { app: "web" } } } });
    expect(faultsOf(value, { standalone: false })).toEqual([]);
    expect(faultsOf(value)).toEqual(["match.client.podSelector: Cannot select pods in a file (there are none here), expected ip or cidr: current field is podSelector"]);
  });

  it("with an sni is valid and does nothing, because without it more would die", () => {
    const value = match({ client: { ip: "10.0.0.7" }, sni: "*.evil.example" });
    expect([faultsOf(value), notesOf(value)]).toEqual([[], ['match.sni: Cannot match sni, not supported yet, so that nothing is reset: current value is "*.evil.example"']]);
    expect(resetRuns(flowResetSpec.parse({ match: { client: { ip: "10.0.0.7" }, sni: "*" } }))).toBe(false);
    expect(resetRuns(flowResetSpec.parse(leastReset.spec))).toBe(true);
  });
});
