import { describe, expect, it } from "vitest";
import type { InterfaceDescription } from "../detect/mod.ts";
import { compile } from "./compile.ts";
import { Judge } from "./judge.fixture.ts";
import { compileTexts, objects, policy, reset, settings } from "./objects.fixture.ts";

const sig = (...texts: readonly string[]) => `{name: s, signature: {rules: [${texts.map((text) => `'${text}'`).join(", ")}]}}`;
const good = (sid: number, content = "x") => `alert tcp any any -> any any (content:"${content}"; sid:${sid};)`;

describe("compile()", () => {
  it("leaves out a signature that it cannot read, with a note, and keeps the others", () => {
    const { compiled, notes } = compileTexts([policy({ rules: [sig(good(1), 'alert tcp any any -> any any (content:"x"; pcre:"/a/"; sid:2;)', good(3))] })]);
    expect(notes).toEqual([{ object: "ResponsePolicy shop/test", severity: "Error", field: "spec.rules[0].signature.rules[1]", message: 'Cannot use keyword "pcre": not supported yet (sid 2), at column 44' }]);
    expect(compiled.names.signatures.map(({ sid }) => sid)).toEqual([1, 3]);
  });

  it("leaves out a rule none of whose signatures can be read, also with a connection beside them", () => {
    const broken = "{name: s, connection: {phase: Established}, signature: {rules: ['alert udp any any -> any any (content:\"x\"; sid:2;)']}}";
    const { compiled, notes } = compileTexts([policy({ rules: [broken, "{name: t, connection: {}}"] })]);
    expect(notes).toHaveLength(1);
    expect(compiled.names.rules).toEqual(["t"]);
  });

  it("leaves out the second of two signatures of one sid in an object, and minds no other object's", () => {
    const { compiled, notes } = compileTexts([policy({ rules: [sig(good(1), good(1, "y"))] }), policy({ name: "other", rules: [sig(good(1))] })]);
    expect(notes).toMatchObject([{ object: "ResponsePolicy shop/test", severity: "Warning", field: "spec.rules[0].signature.rules[1]" }]);
    expect(compiled.detection.signatureCount).toBe(2);
  });

  it("leaves out a rule that does not fit the automaton, and keeps the next that does", () => {
    const { compiled, notes } = compileTexts([policy({ rules: [sig(good(1, "abcdefgh")), sig(good(2, "abcdefghi")).replace("name: s", "name: t"), sig(good(3, "abcd")).replace("name: s", "name: u")] })], { detection: { maximumStates: 9 } });
    expect(notes).toMatchObject([{ severity: "Error", field: "spec.rules[1]", message: "Cannot hold so many contents: the automaton of 9 states would need 1 more; the rule is left out" }]);
    expect(compiled.names.rules).toEqual(["s", "u"]);
  });

  it("leaves out rules and resets that use a part of the language that does not run yet", () => {
    const { compiled } = compileTexts([
      policy({ rules: ["{name: a, connection: {}, beacon: {}}", "{name: b, connection: {}, peers: {fqdns: [example.com]}}", "{name: c, connection: {}}"] }),
      reset("{client: {ip: 10.0.0.1}, sni: '*'}"),
    ]);
    expect(compiled.names.rules).toEqual(["c"]);
    expect(compiled.flowResetCount).toBe(0);
  });

  it("leaves out a policy that chooses its subject by pods, and a reset that does", () => {
    const [object, kill] = objects(policy({ spec: ["subject: {cidrs: [10.0.0.0/8]}"] }), reset("{client: {ip: 10.0.0.1}}"));
    const podPolicy = structuredClone(object!) as never as { object: { spec: { subject: { podSelector?: object } } } };
    podPolicy.object.spec.subject.podSelector = {};
    const podReset = structuredClone(kill!) as never as { object: { spec: { match: { server?: object } } } };
    podReset.object.spec.match.server = { podSelector: { matchLabels: { app: "web" } } };
    const { compiled, notes } = compile({ objects: [podPolicy, podReset] as never, settings: settings(), interfaces: [] });
    expect(notes.map(({ object: name, field }) => [name, field])).toEqual([["FlowReset shop/kill", "spec.match.server.podSelector"], ["ResponsePolicy shop/test", "spec.subject.podSelector"]]);
    expect([compiled.policyCount, compiled.flowResetCount]).toEqual([0, 0]);
  });

  it("gives the same numbers whatever the order of the objects", () => {
    const texts = ["b", "a", "c"].map((name) => policy({ name, rules: [sig(good(1, name))] }));
    const [one, other] = [compileTexts(texts).compiled, compileTexts(texts.toReversed()).compiled];
    expect(one.names).toEqual(other.names);
    expect(one.detection.rules).toEqual(other.detection.rules);
    expect(one.detection.exact).toEqual(other.detection.exact);
  });

  it("is handed to a Worker without copying its arrays", () => {
    const { compiled } = compileTexts([policy({ rules: [sig(good(1))] }), reset("{client: {ip: 10.0.0.1}}")]);
    const arrays = (value: unknown): ArrayBufferView[] => (ArrayBuffer.isView(value) ? [value] : typeof value === "object" && value !== null ? Object.values(value).flatMap(arrays) : []);
    expect(arrays(compiled).length).toBeGreaterThan(20);
    expect(arrays(compiled).filter((array) => !(array.buffer instanceof SharedArrayBuffer))).toEqual([]);
    expect(structuredClone(compiled)).toEqual(compiled);
  });

  it("scope Internal is what the settings name, External all else, each without the exceptions", () => {
    const outbound = (peers: string) => new Judge([policy({ spec: ["mode: Enforce"], rules: [`{name: r, direction: Outbound, peers: {${peers}}, connection: {phase: Established}}`] })]);
    const reach = (peers: string, ...servers: readonly string[]) => servers.map((server) => outbound(peers).connect({ server }) === "Reset");
    expect(reach("scope: External", "192.0.2.1", "10.0.0.9", "127.0.0.1", "2001:db8::1", "fd00::1")).toEqual([true, false, false, true, false]);
    expect(reach("scope: Internal", "192.0.2.1", "10.0.0.9", "127.0.0.1")).toEqual([false, true, true]);
    expect(reach("scope: Internal, except: [10.0.0.0/24]", "10.0.0.9", "10.0.1.9")).toEqual([false, true]);
    expect(reach("scope: External, cidrs: [10.0.0.0/8, 192.0.2.0/24]", "10.0.0.9", "192.0.2.1", "203.0.113.1")).toEqual([false, true, false]);
  });

  it("resolves interface globs to the interfaces that there are", () => {
    const names: InterfaceDescription[] = [
      { index: 7, name: "veth7", kind: "Pod", addresses: [] },
      { index: 8, name: "eth0", kind: "Uplink", addresses: [] },
    ];
    const text = policy({ spec: ["mode: Enforce", "subject: {interfaces: [veth*]}"], rules: ["{name: r, connection: {phase: Established}}"] });
    const judge = new Judge([text], { interfaces: names });
    expect(judge.connect({ taps: [7, 8] })).toBe("Reset");
    expect(judge.connect({ taps: [9, 8] })).toBe("nothing");
    judge.swap([text], { interfaces: [...names, { index: 9, name: "veth9", kind: "Pod", addresses: [] }] });
    expect(judge.connect({ taps: [9, 8] })).toBe("Reset");
  });

  it("withSubjects() gives what compile() would, and shares what interfaces do not change", () => {
    const eth0: InterfaceDescription = { index: 8, name: "eth0", kind: "Uplink", addresses: ["192.0.2.1"] };
    const texts = [policy({ spec: ["subject: {interfaces: [eth*]}"], rules: [sig(good(1))] }), policy({ name: "other", spec: ["exempt: [{cidrs: [10.0.0.0/8]}]"] })];
    const input = { settings: settings({ managementPorts: ["22"] }) };
    const empty = compileTexts(texts, input);
    const resolved = empty.withSubjects(undefined, [eth0]);
    expect(resolved).toEqual(compileTexts(texts, { ...input, interfaces: [eth0] }).compiled);
    expect(resolved.detection.exact).toBe(empty.compiled.detection.exact);
    expect(empty.withSubjects(undefined, [])).toEqual(empty.compiled);
  });
});
