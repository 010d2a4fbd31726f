/** Each rule of the CRDs on a real API server: an object that it takes, and one that it refuses with our words. */
import { describe, expect, it, test } from "vitest";
import { sharedApiServer } from "../../test/cluster/mod.ts";
import { CLUSTER_KINDS, type ClusterKind } from "../group.ts";
import { VALIDATIONS } from "../rule.ts";
import { validate } from "../validate.ts";
import { RESERVED_DETECTORS } from "../values/mod.ts";
import { admit, installCrds, objectOf } from "./crds.fixture.ts";
import { crdOf, type Structural } from "./mod.ts";

const server = sharedApiServer();
await installCrds(server);
const namespace = await server.createNamespace("rules");

const connection = {};
const rule = (part: object) => ({ rules: [{ name: "r", connection, ...part }] });
const policy = (part: object) => ({ rules: [{ name: "r", connection }], ...part });
const reset = (match: object, part: object = {}) => ({ match, ...part });
const client = { ip: "10.0.0.7" };
const pods = { matchLabels: { app: "web" } };
const expression = (part: object) => policy({ subject: { podSelector: { matchExpressions: [{ key: "a", operator: "In", ...part }] } } });
const names = (prefix: string, count: number, of: (name: string) => unknown) => Array.from({ length: count }, (_, index) => of(`${prefix}${index}`));

/** Kind, what the rule is about, an object that obeys, one that does not, the cause that the API server names. */
const rows: [ClusterKind, string, unknown, unknown, RegExp][] = [
  ["ResponsePolicy", "a detector or more", rule({}), { rules: [{ name: "r" }] }, /^spec\.rules\[0\]: .*Cannot use a rule without a detector, expected one or more of connection, signature/],
  ["ResponsePolicy", "a rule or more", policy({}), { rules: [] }, /^spec\.rules: .*should have at least 1 items/],
  ["ResponsePolicy", "rules with names of their own", { rules: [{ name: "r", connection }, { name: "s", connection }] }, { rules: [{ name: "r", connection }, { name: "r", connection }] }, /^spec\.rules\[1\]: Duplicate value/],
  ["ResponsePolicy", "a rule's name", policy({}), { rules: [{ name: "Not A Label", connection }] }, /^spec\.rules\[0\]\.name: .*should match/],
  ["ResponsePolicy", "something in a signature detector", rule({ signature: { rules: ["x"] } }), rule({ signature: {} }), /^spec\.rules\[0\]\.signature: .*Cannot match an empty signature detector, expected rules/],
  ["ResponsePolicy", "a signature that is not blank", rule({ signature: { rules: ["x"] } }), rule({ signature: { rules: [" \n"] } }), /^spec\.rules\[0\]\.signature\.rules\[0\]: .*should match/],
  ["ResponsePolicy", "CIDRs", rule({ peers: { cidrs: ["10.0.0.0/8", "2001:db8::/32"] } }), rule({ peers: { cidrs: ["10.0.0/8"] } }), /^spec\.rules\[0\]\.peers\.cidrs\[0\]: .*Cannot read a CIDR, expected an address and prefix length such as 10\.0\.0\.0\/8/],
  ["ResponsePolicy", "CIDRs without host bits", rule({ peers: { except: ["10.0.0.5/32"] } }), rule({ peers: { except: ["10.0.0.5/8"] } }), /^spec\.rules\[0\]\.peers\.except\[0\]: .*Cannot read a CIDR, expected no bits below the prefix/],
  ["ResponsePolicy", "CIDRs named once", policy({ subject: { cidrs: ["10.0.0.0/8"] } }), policy({ subject: { cidrs: ["10.0.0.0/8", "10.0.0.0/8"] } }), /^spec\.subject\.cidrs\[1\]: Duplicate value/],
  ["ResponsePolicy", "at most 1024 CIDRs", policy({ subject: { cidrs: names("", 1024, (n) => `10.${+n >> 8}.${+n & 255}.0/24`) } }), policy({ subject: { cidrs: names("", 1025, (n) => `10.${+n >> 8}.${+n & 255}.0/24`) } }), /^spec\.subject\.cidrs: Too many: .*1024/],
  ["ResponsePolicy", "the form of ports", rule({ ports: ["80", "8000-8999"] }), rule({ ports: ["http"] }), /^spec\.rules\[0\]\.ports\[0\]: .*should match/],
  ["ResponsePolicy", "ports that there are", rule({ ports: ["1", "65535"] }), rule({ ports: ["65536"] }), /^spec\.rules\[0\]\.ports\[0\]: .*Cannot read a port, expected 1 to 65535, the lower end first/],
  ["ResponsePolicy", "ports in order", rule({ ports: ["80-90"] }), rule({ ports: ["90-80"] }), /^spec\.rules\[0\]\.ports\[0\]: .*Cannot read a port, expected 1 to 65535, the lower end first/],
  ["ResponsePolicy", "ports of an end", rule({ connection: { server: { ports: ["22"] } } }), rule({ connection: { server: { ports: ["0"] } } }), /^spec\.rules\[0\]\.connection\.server\.ports\[0\]: /],
  ["ResponsePolicy", "holds within limits", policy({ respond: { reset: { hold: "24h" } } }), policy({ respond: { reset: { hold: "24h1s" } } }), /^spec\.respond\.reset\.hold: .*Cannot read a duration, expected 0s to 24h/],
  ["ResponsePolicy", "numbers within limits", policy({ limits: { rstPacketsPerConnection: 4096 } }), policy({ limits: { rstPacketsPerConnection: 4097 } }), /^spec\.limits\.rstPacketsPerConnection: .*less than or equal to 4096/],
  ["ResponsePolicy", "words that there are", policy({ mode: "Enforce", subject: { cidrs: ["10.0.0.0/8"] } }), policy({ mode: "enforce" }), /^spec\.mode: Unsupported value: "enforce": supported values: "Observe", "Enforce"/],
  ["ResponsePolicy", "enforcement that names something", rule({ ports: ["22"] }), { mode: "Enforce", ...rule({}) }, /^spec\.rules: .*Cannot enforce a rule that matches every connection, expected a subject, peers, ports/],
  ["ResponsePolicy", "exemptions of somebody", policy({ exempt: [{ cidrs: ["10.0.0.1/32"] }] }), policy({ exempt: [{ cidrs: [] }] }), /^spec\.exempt\[0\]\.cidrs: .*should have at least 1 items/],
  ["ResponsePolicy", "values for In", expression({ values: ["b"] }), expression({}), /matchExpressions\[0\]: .*Cannot use In or NotIn without values, expected one or more/],
  ["ResponsePolicy", "no values for Exists", expression({ operator: "Exists" }), expression({ operator: "Exists", values: ["b"] }), /matchExpressions\[0\]: .*Cannot use Exists or DoesNotExist with values, expected none/],
  ["ResponsePolicy", "keys of labels", policy({ subject: { podSelector: { matchLabels: { "example.com/app": "web" } } } }), policy({ subject: { podSelector: { matchLabels: { "-app": "web" } } } }), /^spec\.subject\.podSelector\.matchLabels: .*Cannot read a key, expected a name such as app or example\.com\/app/],
  ["ResponsePolicy", "its own namespace", policy({ subject: { podSelector: pods } }), policy({ subject: { namespaceSelector: pods } }), /^spec\.subject\.namespaceSelector: .*Cannot reach beyond the policy's own namespace, expected a ClusterResponsePolicy/],
  ["ResponsePolicy", "no nodes of its choice", policy({ subject: {} }), policy({ subject: { nodeSelector: pods } }), /^spec\.subject\.nodeSelector: .*Cannot reach beyond the policy's own namespace, expected a ClusterResponsePolicy/],
  ["ResponsePolicy", "no traffic of nodes", policy({ subject: { nodeTraffic: false } }), policy({ subject: { nodeTraffic: true } }), /^spec\.subject\.nodeTraffic: .*Cannot reach a node's traffic from a namespace, expected a ClusterResponsePolicy/],
  ["ClusterResponsePolicy", "interfaces named by what Linux accepts", policy({ subject: { interfaces: ["veth*"] } }), policy({ subject: { interfaces: ["a:b"] } }), /^spec\.subject\.interfaces\[0\]: .*Cannot read an interface name, expected a name that Linux accepts/],
  ["ClusterResponsePolicy", "interfaces no longer than names", policy({ subject: { interfaces: ["a23456789012345*"] } }), policy({ subject: { interfaces: ["a234567890123456"] } }), /^spec\.subject\.interfaces\[0\]: .*Cannot read an interface name, expected at most 15 characters beside its \* signs/],
  ["ResponsePolicy", "no interfaces of nodes", policy({ subject: { interfaces: [] } }), policy({ subject: { interfaces: ["eth0"] } }), /^spec\.subject\.interfaces: .*Cannot choose a node's interfaces from a namespace, expected a ClusterResponsePolicy/],
  ["FlowReset", "a close match", reset({ client }), reset({ server: { port: 443 } }), /^spec\.match: .*Cannot reset what is not named closely, expected a client or server with an ip/],
  ["FlowReset", "a narrow network (IPv4)", reset({ client: { cidr: "10.0.0.0/24" } }), reset({ client: { cidr: "10.0.0.0/23" } }), /^spec\.match: .*Cannot reset what is not named closely/],
  ["ClusterFlowReset", "a narrow network (IPv6)", reset({ server: { cidr: "2001:db8::/64" } }), reset({ server: { cidr: "2001:db8::/63" } }), /^spec\.match: .*Cannot reset what is not named closely/],
  ["FlowReset", "pods that are named", reset({ client: { podSelector: pods } }), reset({ client: { podSelector: { matchLabels: {} } } }), /^spec\.match: .*Cannot reset what is not named closely/],
  ["FlowReset", "more than a name", reset({ client, sni: "*.example.com" }), reset({ sni: "*" }), /^spec\.match: .*Cannot reset what is not named closely/],
  ["FlowReset", "one way to name an end", reset({ client, server: { cidr: "0.0.0.0/0" } }), reset({ client: { ip: "10.0.0.7", cidr: "10.0.0.0/24" } }), /^spec\.match\.client: .*Cannot choose an endpoint in several ways, expected one of ip, cidr, podSelector/],
  ["FlowReset", "an address", reset({ client: { ip: "2001:db8::7" } }), reset({ client: { ip: "10.0.0.256" } }), /^spec\.match\.client\.ip: .*Cannot read an IP address, expected one such as 10\.244\.1\.7/],
  ["FlowReset", "an address of a connection", reset({ client: { ip: "127.0.0.1" } }), reset({ client: { ip: "224.0.0.1" } }), /^spec\.match\.client\.ip: .*Cannot read an IP address, expected an address that a connection can have/],
  ["FlowReset", "a port", reset({ client: { ...client, port: 65_535 } }), reset({ client: { ...client, port: 0 } }), /^spec\.match\.client\.port: .*greater than or equal to 1/],
  ["FlowReset", "a match", reset({ client }), {}, /^spec\.match: Required value/],
  ["FlowReset", "a server's name", reset({ client, sni: "*.example.com" }), reset({ client, sni: "a b" }), /^spec\.match\.sni: .*should match/],
  ["ClusterFlowReset", "a bounded reason", reset({ client }, { reason: "x".repeat(1_024) }), reset({ client }, { reason: "x".repeat(1_025) }), /^spec\.reason: Too long: may not be more than 1024/],
  ["SensorFleet", "timeouts within limits", { timeouts: { established: "168h" } }, { timeouts: { established: "1s" } }, /^spec\.timeouts\.established: .*Cannot read a duration, expected 10s to 168h/],
  ["SensorFleet", "answers awaited for a while", { timeouts: { synSent: "10m" } }, { timeouts: { synSent: "11m" } }, /^spec\.timeouts\.synSent: .*expected 1s to 10m/],
  ["SensorFleet", "ends awaited for a while", { timeouts: { closing: "1h" } }, { timeouts: { closing: "2h" } }, /^spec\.timeouts\.closing: .*expected 1s to 1h/],
  ["SensorFleet", "an age of policies", { maxPolicyAge: "720h" }, { maxPolicyAge: "30s" }, /^spec\.maxPolicyAge: .*Cannot read a duration, expected 1m to 720h/],
  ["SensorFleet", "keys for tolerations", { tolerations: [{ key: "a", effect: "NoSchedule" }] }, { tolerations: [{ effect: "NoSchedule" }] }, /^spec\.tolerations\[0\]: .*Cannot tolerate every key with operator Equal, expected a key, or operator Exists/],
  ["SensorFleet", "no value where the key suffices", { tolerations: [{ key: "a", operator: "Exists" }] }, { tolerations: [{ key: "a", operator: "Exists", value: "b" }] }, /^spec\.tolerations\[0\]: .*Cannot use a value with operator Exists, expected none/],
  ["SensorFleet", "an effect that evicts where seconds are counted", { tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }] }, { tolerations: [{ key: "a", operator: "Exists", tolerationSeconds: 60 }] }, /^spec\.tolerations\[0\]: .*Cannot count tolerationSeconds of a taint that evicts nobody, expected effect NoExecute/],
  ["SensorFleet", "quantities", { resources: { limits: { memory: "512Mi", cpu: 2 } } }, { resources: { limits: { memory: "much" } } }, /^spec\.resources\.limits\.memory: .*should match/],
  ["SensorFleet", "shares of a rollout", { updateStrategy: { maxUnavailable: 3 } }, { updateStrategy: { maxUnavailable: "110%" } }, /^spec\.updateStrategy\.maxUnavailable: .*should match/],
  ["SensorFleet", "a rollout that moves", { updateStrategy: { maxUnavailable: "100%" } }, { updateStrategy: { maxUnavailable: 0 } }, /^spec\.updateStrategy\.maxUnavailable: .*greater than or equal to 1/],
  ["SensorFleet", "ports of protected endpoints", { protectedEndpoints: [{ cidr: "10.0.0.1/32", ports: ["53"] }] }, { protectedEndpoints: [{ ports: ["53"] }] }, /^spec\.protectedEndpoints\[0\]\.cidr: Required value/],
  ["SensorNode", "a fleet", { fleet: "default" }, {}, /^spec\.fleet: Required value/],
];

async function agreeOn(kind: ClusterKind, spec: unknown, isTaken: boolean): Promise<void> {
  const { causes } = await admit(server, namespace, kind, spec);
  const { faults } = validate(objectOf(kind, spec), { standalone: false });
  expect([causes.length === 0, faults.length === 0], causes.join("\n")).toEqual([isTaken, isTaken]);
}

/** What the API server said of the objects that it refused. */
const heard: string[] = [];

describe("the API server and we", () => {
  test.each(rows)("of a %s demand %s", async (kind, _about, good, bad, cause) => {
    expect((await admit(server, namespace, kind, good)).causes).toEqual([]);
    expect(validate(objectOf(kind, good), { standalone: false }).faults).toEqual([]);
    const { causes } = await admit(server, namespace, kind, bad);
    heard.push(...causes);
    expect(causes.join("\n")).toMatch(new RegExp(cause.source, "m"));
    expect(validate(objectOf(kind, bad), { standalone: false }).faults).not.toEqual([]);
  });

  const enforced = (part: object, subject: object = {}) => ({ mode: "Enforce", subject, rules: [{ name: "r", connection, ...part }] });
  test.each<[string, boolean, unknown]>([
    ["nothing but a phase", false, enforced({ connection: { phase: "Established" } })],
    ["nothing but a direction", false, enforced({ direction: "Inbound" })],
    ["a rule of two that names something", false, { mode: "Enforce", rules: [{ name: "r", connection, ports: ["22"] }, { name: "s", connection }] }],
    ["pods", true, enforced({}, { podSelector: {} })],
    ["service accounts", true, enforced({}, { serviceAccounts: ["default"] })],
    ["namespaces", true, enforced({}, { namespaceSelector: pods })],
    ["nodes", true, enforced({}, { nodeSelector: pods })],
    ["nodes' own traffic", true, enforced({}, { nodeTraffic: true })],
    ["addresses", true, enforced({}, { cidrs: ["0.0.0.0/0"] })],
    ["interfaces", true, enforced({}, { interfaces: ["*"] })],
    ["peers' addresses", true, enforced({ peers: { cidrs: ["0.0.0.0/0"] } })],
    ["who is no peer", true, enforced({ peers: { except: ["10.0.0.0/8"] } })],
    ["a scope", true, enforced({ peers: { scope: "Internal" } })],
    ["peers' pods", true, enforced({ peers: { podSelector: {} } })],
    ["peers' namespaces", true, enforced({ peers: { namespaceSelector: {} } })],
    ["peers' names", true, enforced({ peers: { fqdns: [] } })],
    ["ports", true, enforced({ ports: ["1-65535"] })],
    ["clients", true, enforced({ connection: { client: { cidrs: ["0.0.0.0/0"] } } })],
    ["clients' ports", true, enforced({ connection: { client: { ports: ["1-65535"] } } })],
    ["servers", true, enforced({ connection: { server: { cidrs: ["0.0.0.0/0"] } } })],
    ["servers' ports", true, enforced({ connection: { server: { ports: ["1-65535"] } } })],
    ["content", true, enforced({ signature: { rules: ["x"] } })],
    ...RESERVED_DETECTORS.map((name): [string, boolean, unknown] => [name, true, enforced({ [name]: {} })]),
  ])("let a policy that names %s enforce: %s", (_name, isTaken, spec) => agreeOn("ClusterResponsePolicy", spec, isTaken));

  test.each<[string, boolean, object]>([
    ["a server's address", true, { server: client }],
    ["a client's narrow network", true, { client: { cidr: "10.0.0.0/24" } }],
    ["a server's narrow network", true, { server: { cidr: "10.0.0.128/25" } }],
    ["one address as a network", true, { server: { cidr: "2001:db8::7/128" } }],
    ["a network as wide as IPv4's limit, of IPv6", false, { server: { cidr: "2001:db8::/32" } }],
    ["a server's pods", true, { server: { podSelector: pods } }],
    ["pods by an expression", true, { client: { podSelector: { matchExpressions: [{ key: "a", operator: "Exists" }] } } }],
    ["any pods, two ways", false, { client: { podSelector: { matchLabels: {}, matchExpressions: [] } }, server: { podSelector: {} } }],
    ["wide networks at both ends", false, { client: { cidr: "10.0.0.0/8" }, server: { cidr: "0.0.0.0/0" } }],
    ["a wide network beside an address", true, { client: { cidr: "0.0.0.0/0" }, server: client }],
    ["empty ends", false, { client: {}, server: {} }],
    ["nothing", false, {}],
  ])("let a FlowReset match %s: %s", (_name, isTaken, match) => agreeOn("FlowReset", reset(match), isTaken));

  it("leave no rule of a CRD without a row", () => {
    const messages = new Set(CLUSTER_KINDS.flatMap((kind) => messagesIn(crdOf(kind).spec.versions[0].schema.openAPIV3Schema)));
    expect(messages.size).toBeGreaterThan(15);
    // A change cannot be told from one object: see crds.apiserver.test.ts.
    messages.delete("Cannot change a FlowReset, expected a new one in its place");
    expect([...messages].filter((message) => !heard.some((cause) => cause.endsWith(message)))).toEqual([]);
  });
});

function messagesIn(schema: Structural): string[] {
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties].filter((part) => part !== undefined);
  return [...(schema[VALIDATIONS] ?? []).map(({ message }) => message), ...below.flatMap(messagesIn)];
}
