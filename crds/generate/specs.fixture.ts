/** Random specs out of a CRD's schema: every field comes up, texts from a pool of good and bad ones of their form. */
import fc from "fast-check";
import type { Structural } from "./structural.ts";

/** Texts that a reader may take otherwise than its neighbour, by a word of the rule that they must obey. */
const POOLS: readonly (readonly [rule: string, good: readonly string[], bad: readonly string[]])[] = [
  ["isCIDR(self)", ["10.0.0.0/8", "0.0.0.0/0", "203.0.113.9/32", "203.0.113.0/24", "2001:db8::/32", "::/0", "2001:db8::/64", "2001:db8:0:0:0:0:0:7/128", "2001:DB8::/32"], [
    "10.0.0.5/8", "010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0", "10.0.0/8", "::ffff:10.0.0.0/104", "fe80::1%eth0/64", "fe80::%1/64", "2001:db8::1/32", "1::2::3/64", "::/129", " 10.0.0.0/8", "10.0.0.0/8 ", "/8", "10.0.0.0/-1", "10.0.0.0/+8", "::10.0.0.0/8", "0x0a.0.0.0/8", "10.0.0.0/8/8", "1:2:3:4:5:6:7:8:9/64", ":::/64",
  ]],
  ["isIP(self)", ["10.0.0.7", "127.0.0.1", "169.254.1.1", "::1", "fe80::1", "2001:DB8::7", "2001:db8:0:0:0:0:0:7", "fc00::1", "64:ff9b::a00:7"], [
    "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "239.255.255.255", "ff02::1", "::", "::ffff:10.0.0.7", "fe80::1%eth0", "10.0.0.07", "10.0.7", "10.0.0.256", "0x7f.0.0.1", "1::2::3", "10.0.0.7 ", "[::1]", "::1/128", "1:2:3:4:5:6:7:8:9", "12345::",
  ]],
  ["duration(self)", ["1m", "60s", "1h", "90s", "10m", "1h0m", "1m1m", "3600s", "600000ms"], ["25h", "1.5h", "-1s", "1us", "5", "s", "1d", " 1s", "+1s", "999999999h", "1m 1s", "1H", "721h", "0h0m999h"]],
  ["self.split('-')", ["80", "1", "65535", "80-90", "443-443", "00080"], ["0", "65536", "90-80", "80-", "-80", "1-2-3", "http", "80 - 90", "99999", "0-1", "８０"]],
  ["self.contains(':')", ["eth0", "veth*", "*", "a23456789012345", "a23456789012345*"], [".", "..", "a:b", "a/b", "a b", "a234567890123456", "é"]],
];

/** The good and the bad texts of a pool. */
export function pooledTexts(rule: string): string[] {
  const [, good = [], bad = []] = POOLS.find(([word]) => word === rule) ?? [];
  return [...good, ...bad];
}

const LABEL_KEYS = ["app", "example.com/app", "a", "A_b.c-d", "x".repeat(63)];
const BAD_KEYS = ["", "-a", "a/b/c", "Example.com/app", "/a", "a/", "x".repeat(64), "a b"];

/** Of so many optional fields one is there. */
const PRESENT_ONE_OF = 3;

/** @param badShare of texts and numbers out of 100; 0 makes specs that obey every rule of one value. */
export function specsOf(schema: Structural, badShare: number): fc.Arbitrary<any> {
  const often = <T>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<T>) => (badShare === 0 ? good : fc.oneof({ arbitrary: good, weight: 100 - badShare }, { arbitrary: bad, weight: badShare }));

  function valueOf(node: Structural): fc.Arbitrary<any> {
    if (node.enum !== undefined) return often(fc.constantFrom(...node.enum), fc.constantFrom<unknown>("other", String(node.enum[0]).toLowerCase(), 1, ""));
    if (node["x-kubernetes-int-or-string"] === true) return often(fc.constantFrom<unknown>("10%", 3), fc.constantFrom<unknown>("200m", 0, -1, "x", "", "0%", "110%", 1.5, "0.5", "1e3"));
    switch (node.type) {
      case "boolean":
        return often<unknown>(fc.boolean(), fc.constantFrom<unknown>("yes", 0, 1));
      case "integer": {
        const { minimum = 0, maximum = 1_000_000 } = node;
        return often<unknown>(fc.integer({ min: minimum, max: maximum }), fc.constantFrom<unknown>(minimum - 1, maximum + 1, 1.5, "1", 2 ** 53));
      }
      case "array":
        return fc.array(valueOf(node.items!), { minLength: badShare === 0 ? (node.minItems ?? 0) : 0, maxLength: 3 }).map((list) => (badShare === 0 ? withoutEqual(node, list) : list));
      case "object":
        return objects(node);
      default:
        return texts(node);
    }
  }

  function objects(node: Structural): fc.Arbitrary<any> {
    if (node.additionalProperties !== undefined) {
      return fc.dictionary(often(fc.constantFrom(...LABEL_KEYS), fc.constantFrom(...BAD_KEYS)), valueOf(node.additionalProperties), { maxKeys: 2, noNullPrototype: true });
    }
    const fields = Object.entries(node.properties ?? {}).map(([name, field]) => {
      const value = valueOf(field);
      const isRequired = node.required?.includes(name) === true;
      // Most fields are left out, so that rules between fields are broken now and then, not nearly always.
      return [name, isRequired ? often<unknown>(value, fc.constant(undefined)) : fc.oneof({ arbitrary: fc.constant(undefined), weight: PRESENT_ONE_OF - 1 }, { arbitrary: value, weight: 1 })] as const;
    });
    return fc.record(Object.fromEntries(fields), { noNullPrototype: true }).map(withoutUndefined);
  }

  function texts(node: Structural): fc.Arbitrary<any> {
    const rules = JSON.stringify(node["x-kubernetes-validations"] ?? []);
    const [, good, bad] = POOLS.find(([rule]) => rules.includes(rule)) ?? [];
    const strange = fc.constantFrom<unknown>("", " ", "x".repeat((node.maxLength ?? 100) + 1), 7, "ünïcode", "a\nb");
    if (good !== undefined) return often<unknown>(fc.constantFrom(...good), fc.oneof(fc.constantFrom<unknown>(...bad!), strange));
    if (node.pattern === undefined) return often<unknown>(fc.constantFrom("word", "two words"), strange);
    const samples = ["a", "web", "x-1", "*.example.com", "example.com", "alert tcp any any -> any any (sid:1;)"].filter((text) => new RegExp(node.pattern!).test(text));
    return often<unknown>(fc.constantFrom(...samples), fc.oneof(strange, fc.constantFrom("-a", "A B", "*", "*.", "a..b", "UPPER", "_", "a.", "-")));
  }

  return valueOf(schema);
}

/** Entries that an API server would not tell apart are there once. */
function withoutEqual({ "x-kubernetes-list-type": type, "x-kubernetes-list-map-keys": keys = [] }: Structural, list: readonly any[]): unknown[] {
  if (type === "atomic") return [...list];
  const nameOf = (entry: any) => (type === "map" ? entry[keys[0]!] : entry);
  return list.filter((entry, index) => list.findIndex((other) => nameOf(other) === nameOf(entry)) === index);
}

function withoutUndefined(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** What an API server makes of a valid object: defaults of absent fields, and then those inside of them. */
export function withDefaults(schema: Structural, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => withDefaults(schema.items ?? {}, entry));
  if (typeof value !== "object" || value === null) return value;
  if (schema.additionalProperties !== undefined) return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withDefaults(schema.additionalProperties!, entry)]));
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (filled[name] === undefined && field.default !== undefined) filled[name] = structuredClone(field.default);
    if (filled[name] !== undefined) filled[name] = withDefaults(field, filled[name]);
  }
  return filled;
}
