import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault } from "./fault.ts";
import { parseSignature } from "./parse.ts";
import type { Signature } from "./signature.ts";

const rule = (options: string, header = "tcp any any -> any any") => `alert ${header} (${options})`;
const ok = (options: string, header?: string): Signature => {
  const parsed = parseSignature(rule(options, header));
  if (parsed instanceof Fault) throw new Error(parsed.message);
  return parsed;
};
const contents = (value: string) => ok(`content:${value}; sid:1;`).contents.map(({ bytes }) => String.fromCharCode(...bytes));
const ranges = (set: Signature["sourcePorts"]) => set.map(({ first, last }) => `${first}-${last}`).join(",");

describe("parseSignature()", () => {
  it("reads a whole signature", () => {
    const text = 'alert tcp 192.0.2.0/24 1024: -> 10.0.0.1 80 (msg:"a \\"b\\" \\; c"; flow:established,to_server; content:"GET"; content:"evil"; nocase; reference:url,example.com; classtype:bad-unknown; metadata:a b, c d; priority:1; sid:7; rev:3;)';
    const parsed = parseSignature(text) as Signature;
    expect(parsed).toMatchObject({ sid: 7, rev: 3, msg: 'a "b" ; c', bidirectional: false, flow: { established: true, direction: "ToServer" }, text });
    expect(parsed.contents.map(({ nocase }) => nocase)).toEqual([false, true]);
    expect(ranges(parsed.sourcePorts)).toBe("1024-65535");
    expect(ranges(parsed.destinationPorts)).toBe("80-80");
  });

  it("needs neither msg, rev nor flow", () => expect(ok('content:"x"; sid:1;')).toMatchObject({ msg: "", rev: 0, flow: { established: false, direction: "Any" } }));

  const bytes: readonly (readonly [string, string])[] = [
    ['"abc"', "abc"],
    ['"|41 42|c"', "ABc"],
    ['"|4142|"', "AB"],
    ['"a|0D 0a|b|00|"', "a\r\nb\0"],
    ['"\\"\\\\\\;\\:"', '"\\;:'],
    ['"a:b"', "a:b"],
    ['" x "', " x "],
    ['"${jndi:"', "${jndi:"],
    ['"\u00e9"', "\u00c3\u00a9"],
  ];
  for (const [value, expected] of bytes) it(`content:${value} is ${JSON.stringify(expected)}`, () => expect(contents(value)).toEqual([expected]));

  it("nocase folds ASCII letters, hex ones too", () => {
    expect([...ok('content:"Ab|43|\u00c4"; nocase; sid:1;').contents[0]!.bytes]).toEqual([0x61, 0x62, 0x63, 0xc3, 0x84]);
  });

  const flows: readonly (readonly [string, boolean, string])[] = [
    ["established", true, "Any"],
    ["to_server", false, "ToServer"],
    ["from_client", false, "ToServer"],
    ["to_client", false, "ToClient"],
    ["from_server,established", true, "ToClient"],
    ["stateless", false, "Any"],
  ];
  for (const [value, established, direction] of flows) it(`flow:${value}`, () => expect(ok(`flow:${value}; content:"x"; sid:1;`).flow).toEqual({ established, direction }));

  const ports: readonly (readonly [string, string])[] = [
    ["any", "0-65535"],
    ["80", "80-80"],
    [":1023", "0-1023"],
    ["1024:", "1024-65535"],
    ["6000:6063", "6000-6063"],
    ["!80", "0-79,81-65535"],
    ["[80,443]", "80-80,443-443"],
    ["[80:90,!85]", "80-84,86-90"],
    ["[!80,!443]", "0-79,81-442,444-65535"],
    ["[ 80 , [443, 8443] ]", "80-80,443-443,8443-8443"],
    ["![80,443]", "0-79,81-442,444-65535"],
  ];
  for (const [text, expected] of ports) it(`ports ${text} are ${expected}`, () => expect(ranges(ok('content:"x"; sid:1;', `tcp any any -> any ${text}`).destinationPorts)).toBe(expected));

  it("reads address lists with negation, IPv6 and both directions", () => {
    const signature = ok('content:"x"; sid:1;', "tcp [10.0.0.0/8,!10.1.0.0/16] any <> 2001:db8::1 any");
    expect(signature.bidirectional).toBe(true);
    expect(signature.source).toHaveLength(2);
    expect(signature.destination).toHaveLength(1);
  });

  const faults: readonly (readonly [string, string, number])[] = [
    ["", "Cannot read a signature: it is empty", 1],
    ['drop tcp any any -> any any (content:"x"; sid:1;)', 'Cannot use action "drop": the policy says what to do, write alert (sid 1)', 1],
    ['alert http any any -> any any (content:"x"; sid:2;)', 'Cannot use protocol "http": not supported yet, write tcp (sid 2)', 7],
    ['alert tcp $HOME_NET any -> any any (content:"x"; sid:3;)', 'Cannot read the address list: variable "$HOME_NET" has no value here, write the address itself (sid 3)', 11],
    ['alert tcp any $PORTS -> any any (content:"x"; sid:3;)', 'Cannot read the port list: variable "$PORTS" has no value here, write the port itself (sid 3)', 15],
    ['alert tcp 10.0.0.1/8 any -> any any (content:"x"; sid:3;)', 'Cannot read the address list: "10.0.0.1/8" is none (sid 3)', 11],
    ['alert tcp 300.0.0.1 any -> any any (content:"x"; sid:3;)', 'Cannot read the address list: "300.0.0.1" is none (sid 3)', 11],
    ['alert tcp [10.0.0.1,] any -> any any (content:"x"; sid:3;)', "Cannot read the address list: an address is missing (sid 3)", 21],
    ['alert tcp [10.0.0.1 any -> any any (content:"x"; sid:3;)', "Cannot read the header: a list does not end with ] (sid 3)", 11],
    ['alert tcp !any any -> any any (content:"x"; sid:3;)', 'Cannot read the address list: nothing is left of "!any" (sid 3)', 11],
    ['alert tcp any 65536 -> any any (content:"x"; sid:3;)', 'Cannot read the port list: "65536" is none (sid 3)', 15],
    ['alert tcp any 90:80 -> any any (content:"x"; sid:3;)', 'Cannot read the port list: "90:80" is none (sid 3)', 15],
    ['alert tcp any : -> any any (content:"x"; sid:3;)', 'Cannot read the port list: ":" is none (sid 3)', 15],
    ['alert tcp any [] -> any any (content:"x"; sid:3;)', "Cannot read the port list: a port is missing (sid 3)", 16],
    ['alert tcp any any <- any any (content:"x"; sid:3;)', 'Cannot use direction "<-": write -> or <> (sid 3)', 19],
    ["alert tcp any any -> any", "Cannot read the header: the destination port is missing", 25],
    ["alert tcp any any -> any any", "Cannot read a signature: its options in parentheses are missing", 29],
    ['alert tcp any any -> any any extra (content:"x"; sid:3;)', 'Cannot read the header: unexpected "extra" (sid 3)', 30],
    ['alert tcp any any -> any any (content:"x"; sid:3;', "Cannot read the options: the closing parenthesis is missing (sid 3)", 50],
    ['alert tcp any any -> any any (content:"x"; sid:3)', "Cannot read the options: the semicolon after the last one is missing (sid 3)", 49],
  ];
  for (const [text, message, column] of faults) it(`refuses ${text || "an empty text"}`, () => expect(parseSignature(text)).toEqual(new Fault(message, column)));

  const optionFaults: readonly (readonly [string, string])[] = [
    ['content:"x"; pcre:"/a/"; sid:4;', 'Cannot use keyword "pcre": not supported yet (sid 4)'],
    ['content:"x"; depth:5; sid:4;', 'Cannot use keyword "depth": not supported yet (sid 4)'],
    ['http.uri; content:"x"; sid:4;', 'Cannot use keyword "http.uri": not supported yet (sid 4)'],
    ['content:"x"; flowbits:set,a; sid:4;', 'Cannot use keyword "flowbits": not supported yet (sid 4)'],
    ['content:"x"; noalert; sid:4;', 'Cannot use keyword "noalert": not supported yet (sid 4)'],
    ['content:"x"; threshold:type limit, track by_src, count 1, seconds 60; sid:4;', 'Cannot use keyword "threshold": not supported yet (sid 4)'],
    ['content:!"x"; sid:4;', "Cannot use a negated content: not supported yet (sid 4)"],
    ['content:""; sid:4;', "Cannot use a content without bytes (sid 4)"],
    ["content:x; sid:4;", "Cannot read content: it is not in quotes (sid 4)"],
    ["content; sid:4;", "Cannot read content: it is not in quotes (sid 4)"],
    ['content:"|4|"; sid:4;', 'Cannot read content: "4" is not pairs of hex digits (sid 4)'],
    ['content:"|zz|"; sid:4;', 'Cannot read content: "zz" is not pairs of hex digits (sid 4)'],
    ['content:"||"; sid:4;', 'Cannot read content: "" is not pairs of hex digits (sid 4)'],
    ['content:"|41"; sid:4;', "Cannot read content: a hex run does not end with | (sid 4)"],
    ['content:"\\n"; sid:4;', 'Cannot read content: "\\n" is no escape (sid 4)'],
    ['content:"a"b"; sid:4;', 'Cannot read content: write a quote as \\" (sid 4)'],
    ['nocase; content:"x"; sid:4;', "Cannot use nocase before the content that it is about (sid 4)"],
    ['content:"x"; nocase:1; sid:4;', 'Cannot read nocase: it takes no value, and has "1" (sid 4)'],
    ['content:"x"; flow:to_server,to_client; sid:4;', "Cannot use both directions in flow (sid 4)"],
    ['content:"x"; flow:no_stream; sid:4;', 'Cannot use flow "no_stream": not supported yet (sid 4)'],
    ['content:"x"; flow:established; flow:to_server; sid:4;', "Cannot use flow twice (sid 4)"],
    ['content:"x";', "Cannot use a signature without sid"],
    ['content:"x"; sid:0;', 'Cannot read sid: "0" is not a number from 1 to 4294967295 (sid 0)'],
    ['content:"x"; sid:4294967296;', 'Cannot read sid: "4294967296" is not a number from 1 to 4294967295 (sid 4294967296)'],
    ['content:"x"; sid:4; sid:5;', "Cannot use sid twice (sid 4)"],
    ['content:"x"; sid:4; rev:x;', 'Cannot read rev: "x" is not a number from 1 to 4294967295 (sid 4)'],
    ['msg:x; content:"x"; sid:4;', "Cannot read msg: it is not in quotes (sid 4)"],
    ['msg:"x"; sid:4;', "Cannot use a signature without content: the connection detector matches headers alone (sid 4)"],
  ];
  for (const [options, message] of optionFaults) it(`refuses (${options})`, () => expect(parseSignature(rule(options))).toMatchObject({ message }));

  it("points at the keyword that it refuses", () => {
    const text = rule('content:"x"; pcre:"/a/"; sid:4;');
    expect((parseSignature(text) as Fault).column).toBe(text.indexOf("pcre") + 1);
  });

  it("takes the highest sid and as many contents as a word has bits, and not one more", () => {
    expect(ok('content:"x"; sid:4294967295;').sid).toBe(4_294_967_295);
    expect(ok(`${'content:"x"; '.repeat(32)}sid:1;`).contents).toHaveLength(32);
    expect(parseSignature(rule(`${'content:"x"; '.repeat(33)}sid:1;`))).toMatchObject({ message: "Cannot use more than 32 contents in one signature (sid 1)" });
  });

  it("takes a content of 1024 bytes and not one more", () => {
    expect(contents(`"${"x".repeat(1024)}"`)[0]).toHaveLength(1024);
    expect(parseSignature(rule(`content:"${"x".repeat(1025)}"; sid:1;`))).toBeInstanceOf(Fault);
  });

  it("takes lists nested 8 deep and not one more", () => {
    const nested = (depth: number) => parseSignature(rule('content:"x"; sid:1;', `tcp any ${"[".repeat(depth)}80${"]".repeat(depth)} -> any any`));
    expect(nested(8)).not.toBeInstanceOf(Fault);
    expect(nested(9)).toMatchObject({ message: "Cannot read the port list: lists nest deeper than 8 (sid 1)" });
  });

  it("never throws, whatever is cut out of or put into a signature", () => {
    const whole = 'alert tcp [10.0.0.0/8,!10.1.0.0/16] 1: <> ![2001:db8::/32] [80,!81:90] (msg:"a\\"b"; flow:established; content:"a|41 42|"; nocase; sid:5; rev:1;)';
    const piece = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("[", "]", "!", "|", '"', "\\", ";", ":", "(", ")", "$", "\0"));
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(20), piece, (at, cut, inserted) => {
        const parsed = parseSignature(whole.slice(0, at) + inserted + whole.slice(at + cut));
        if (parsed instanceof Fault) expect(parsed.column).toBeGreaterThan(0);
        else expect(parsed.contents.length).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });
});

const corpus = new URL("../../../../shared/corpus/et-open/", import.meta.url);

describe.runIf(existsSync(corpus))("ET Open", () => {
  it("never throws, and takes the plain ones once their variables are addresses", () => {
    const signatures = readdirSync(corpus).flatMap((file) => readFileSync(new URL(file, corpus), "utf8").split("\n").filter((line) => /^#? ?alert /.test(line)).map((line) => line.replace(/^#? ?/, "")));
    const parsed = signatures.map(parseSignature);
    const tcp = signatures.filter((text) => text.startsWith("alert tcp ")).map((text) => parseSignature(text.replaceAll(/\$\w+/g, "any").replaceAll("!any", "any")));
    expect(signatures.length).toBeGreaterThan(3000);
    expect(parsed.filter((signature) => signature instanceof Fault && !signature.message.includes("(sid "))).toEqual([]);
    expect(tcp.filter((signature) => !(signature instanceof Fault)).length).toBeGreaterThan(20);
  });
});
