import { describe, expect, it } from "vitest";
import { PacketDirection } from "../decode/mod.ts";
import { FlowHeader } from "./flowHeader.ts";
import { type FlowLike, HandMadeFlows } from "./flows.fixture.ts";
import type { InterfaceDescription } from "./interfaces.ts";
import { build, type ShortRule } from "./rules.fixture.ts";

const interfaces: InterfaceDescription[] = (
  [[2, "eth0", "Uplink"], [3, "veth1", "Pod"], [4, "veth2", "Pod"], [5, "lo", "Loopback"], [6, "span0", "Unknown"]] as const
).map(([index, name, kind]) => ({ index, name, kind, addresses: [] }));

function header(rule: ShortRule, flow: FlowLike): FlowHeader {
  const flows = new HandMadeFlows();
  const slot = flows.add(flow);
  const made = new FlowHeader(flows, build([rule], interfaces));
  made.load(slot, 0);
  return made;
}

/** 10.0.0.1:40000 -> 192.0.2.1:80 unless told. */
const fits = (rule: ShortRule, flow: FlowLike = {}) => header({ phase: "Established", ...rule }, flow).fitsRule(0);

const In = PacketDirection.Host;
const Out = PacketDirection.Outgoing;

describe("fitsRule()", () => {
  const cases: readonly (readonly [boolean, string, ShortRule, FlowLike?])[] = [
    [true, "a rule without conditions", {}],
    // ports are the server's
    [true, "its port", { ports: ["80"] }],
    [false, "the port below", { ports: ["79"] }],
    [false, "the port above", { ports: ["81"] }],
    [false, "the client's port", { ports: ["40000"] }],
    [true, "the first port of a range", { ports: ["80-90"] }],
    [true, "the last port of a range", { ports: ["70-80"] }],
    [true, "a client's port above 32767", { clientPorts: ["40000"] }],
    // who is who
    [true, "subject is the client, Outbound", { subject: ["10.0.0.0/8"], direction: "Outbound" }],
    [false, "subject is the client, Inbound", { subject: ["10.0.0.0/8"], direction: "Inbound" }],
    [true, "subject is the server, Inbound", { subject: ["192.0.2.0/24"], direction: "Inbound" }],
    [false, "subject is the server, Outbound", { subject: ["192.0.2.0/24"], direction: "Outbound" }],
    [true, "subject is either end, Any", { subject: ["192.0.2.0/24"] }],
    [false, "subject is neither", { subject: ["198.51.100.0/24"] }],
    [true, "the other end is the peer", { subject: ["10.0.0.0/8"], peers: ["192.0.2.1/32"] }],
    [false, "the subject itself is not its peer", { subject: ["10.0.0.0/8"], peers: ["10.0.0.0/8"] }],
    [true, "peer without a subject, Inbound: the peer is the client", { peers: ["10.0.0.0/8"], direction: "Inbound" }],
    [false, "peer without a subject, Outbound: the peer is the server", { peers: ["10.0.0.0/8"], direction: "Outbound" }],
    // the connection detector
    [true, "its client", { client: ["10.0.0.1/32"] }],
    [false, "another client", { client: ["10.0.0.2/32"] }],
    [true, "its server", { server: ["192.0.2.1/32"] }],
    [false, "client and server changed round", { client: ["192.0.2.1/32"], server: ["10.0.0.1/32"] }],
    [false, "its server at another port", { server: ["192.0.2.1/32"], serverPorts: ["81"] }],
    [true, "IPv6", { server: ["2001:db8::/32"], client: ["2001:db8::/64"] }, { client: "2001:db8::1", server: "2001:db8:0:9::1" }],
    [false, "IPv6 outside", { client: ["2001:db8::/64"] }, { client: "2001:db8:0:1::1", server: "2001:db8::1" }],
    // interfaces: who lives behind a pod's interface sends into the host there
    [true, "the pod is the client, Outbound", { interfaces: ["veth1"], direction: "Outbound" }, { taps: [3, 2], directions: [In, In] }],
    [false, "the pod is the client, Inbound", { interfaces: ["veth1"], direction: "Inbound" }, { taps: [3, 2], directions: [In, In] }],
    [true, "the pod is the server, its SYN just passed out", { interfaces: ["veth1"], direction: "Inbound" }, { taps: [3, 0], directions: [Out, In] }],
    [false, "another pod", { interfaces: ["veth1"] }, { taps: [4, 2], directions: [In, In] }],
    [true, "a glob", { interfaces: ["veth*"], direction: "Outbound" }, { taps: [4, 2], directions: [In, In] }],
    [false, "a glob that does not match", { interfaces: ["veth?1"] }, { taps: [4, 2], directions: [In, In] }],
    // uplink: who sends in there is the far end
    [true, "this side of the uplink is the client", { interfaces: ["eth0"], direction: "Outbound" }, { taps: [3, 2], directions: [In, In] }],
    [false, "the far side of the uplink is not the subject", { interfaces: ["eth0"], direction: "Inbound" }, { taps: [3, 2], directions: [In, In] }],
    [true, "the far end calls in", { interfaces: ["eth0"], direction: "Inbound" }, { taps: [2, 0], directions: [In, In] }],
    [true, "a node's own socket calls out", { interfaces: ["eth0"], direction: "Outbound" }, { taps: [2, 0], directions: [Out, In] }],
    [true, "with CIDRs the interface only says where it is seen", { interfaces: ["eth0"], eitherEnd: true, subject: ["192.0.2.0/24"] }, { taps: [0, 2], directions: [In, In] }],
    [true, "a mirror port does not tell who lives where", { interfaces: ["span0"], direction: "Inbound" }, { taps: [6, 6], directions: [In, In] }],
    [false, "an interface that is not there", { interfaces: ["eth9"] }, { taps: [2, 2] }],
  ];
  for (const [expected, name, rule, flow] of cases) it(`${expected ? "fits" : "does not fit"}: ${name}`, () => expect(fits(rule, flow)).toBe(expected));

  it("takes the packet's interface while neither side has a tap", () => {
    const flows = new HandMadeFlows();
    const slot = flows.add();
    const made = new FlowHeader(flows, build([{ phase: "Handshake", interfaces: ["span0"] }], interfaces));
    made.load(slot, 6);
    expect(made.fitsRule(0)).toBe(true);
    made.load(slot, 5);
    expect(made.fitsRule(0)).toBe(false);
  });
});

describe("fitsSignature()", () => {
  const sides = (text: string, flow: FlowLike = {}) => {
    const made = header({ signatures: [`alert tcp ${text}`] }, flow);
    return [made.fitsSignature(0, 0), made.fitsSignature(0, 1)];
  };
  const cases: readonly (readonly [string, readonly boolean[]])[] = [
    ['any any -> any any (content:"x"; sid:1;)', [true, true]],
    ['any any -> any 80 (content:"x"; sid:1;)', [true, false]],
    ['any 80 -> any any (content:"x"; sid:1;)', [false, true]],
    ['any any <> any 80 (content:"x"; sid:1;)', [true, true]],
    ['any any -> any 81 (content:"x"; sid:1;)', [false, false]],
    ['10.0.0.1 any -> 192.0.2.1 any (content:"x"; sid:1;)', [true, false]],
    ['!10.0.0.1 any -> any any (content:"x"; sid:1;)', [false, true]],
    ['any any -> any any (flow:to_server; content:"x"; sid:1;)', [true, false]],
    ['any any -> any any (flow:to_client; content:"x"; sid:1;)', [false, true]],
    ['any any <> any 80 (flow:to_client; content:"x"; sid:1;)', [false, true]],
    ['10.0.0.1 any -> any any (flow:to_client; content:"x"; sid:1;)', [false, false]],
  ];
  for (const [text, expected] of cases) it(`${text}: initiator's, responder's bytes ${JSON.stringify(expected)}`, () => expect(sides(text)).toEqual(expected));
});
