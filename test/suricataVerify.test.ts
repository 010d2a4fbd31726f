/**
 * Captures of suricata-verify (the test-suite of Suricata) through replay, with their own rules, as far as our
 * language has them: each signature alone must alert where Suricata does, and nowhere else. What cannot be compared is
 * skipped with a reason, and both are counted. FLOWRESET_SURICATA_VERIFY names a whole checkout; without it the cases
 * that are kept here run, which are all of those that have a signature of our language.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { complaintOfSignature } from "../sensor/decide/mod.ts";
import { parseAddress } from "../sensor/decode/mod.ts";
import { ReplayFolder } from "../sensor/replay.fixture.ts";

const ROOT = process.env.FLOWRESET_SURICATA_VERIFY ?? join(import.meta.dirname, "cases/suricata-verify");

/** Where we differ from Suricata and mean to. */
const DIFFERENT: Readonly<Record<string, string>> = {
  "bug-4571-02": "no flags at all: no receiver takes such a segment, so nothing was delivered",
  "bug-4571-04": "no flags at all: no receiver takes such a segment, so nothing was delivered",
  "bug-4571-06": "no flags at all: no receiver takes such a segment, so nothing was delivered",
  "exception-policy-default-03": "a setting of Suricata's inline mode lets flows seen in the middle pass unseen",
  "exception-policy-master-switch/exception-policy-master-switch-02": "a setting of Suricata's inline mode lets flows seen in the middle pass unseen",
};

/** Compared in the cases that are kept here. */
const KEPT = 20;

interface Check {
  readonly count: number;
  readonly match: Readonly<Record<string, unknown>>;
  readonly requires?: { readonly "lt-version"?: unknown };
}

interface Case {
  readonly name: string;
  readonly folder: string;
  readonly checks: readonly Check[];
  readonly checksum: "verify" | "trust";
  /** Signatures of ours, by sid, and why others are none. */
  readonly signatures: ReadonlyMap<number, string>;
  readonly skipped: readonly string[];
}

interface Alert {
  readonly alert: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/**
 * The policy says what is done, so drop and reject are alerts here; and of the protocols that are TCP, or hold it, what
 * a content alone looks for is in the stream. What is inside a single packet only (tcp-pkt) has no counterpart.
 */
function asOurs(rule: string): string {
  return rule.replace(/^(alert|drop|reject\w*)\s+(tcp|ip|http|tls|smtp|ssh|tcp-stream)(?=\s)/, "alert tcp");
}

function readCase(folder: string): Case {
  const setup = parse(readFileSync(join(folder, "test.yaml"), "utf8")) as { args?: string[]; checks?: { filter?: Check }[] };
  const rules = readFileSync(join(folder, "test.rules"), "utf8").replaceAll("\\\n", " ").split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const signatures = new Map<number, string>();
  const skipped: string[] = [];
  // A rule that lets pass silences others, in an order of Suricata's own.
  const passes = rules.some((rule) => rule.startsWith("pass"));
  for (const rule of rules) {
    const complaint = passes ? "the case has a rule of action pass" : complaintOfSignature(asOurs(rule));
    if (complaint === undefined) signatures.set(Number(/sid\s*:\s*(\d+)/.exec(rule)![1]), asOurs(rule));
    else skipped.push(complaint.replace(/[:,(].*/, ""));
  }
  const checks = (setup.checks ?? []).flatMap(({ filter }) => (filter?.match.event_type === "alert" && filter.requires?.["lt-version"] === undefined ? [filter] : []));
  return { name: relative(ROOT, folder), folder, checks, checksum: setup.args?.join(" ").includes("-k none") === true ? "trust" : "verify", signatures, skipped };
}

/** Checks that speak of one signature: by its number, or as the only one of the case. */
function checksOf({ checks, signatures, skipped }: Case, sid: number): Check[] {
  const isAlone = signatures.size + skipped.length === 1;
  return checks.filter(({ match }) => match["alert.signature_id"] === sid || (match["alert.signature_id"] === undefined && isAlone));
}

/** Fields of EVE that a check names and our events have too. */
const COMPARED = ["src_ip", "src_port", "dest_ip", "dest_port", "proto", "alert.signature", "alert.signature_id", "alert.rev", "alert.gid"];

function fits(event: Alert, { match }: Check): boolean {
  return COMPARED.every((field) => {
    if (match[field] === undefined) return true;
    const [head, rest] = field.split(".");
    const value = rest === undefined ? event[head!] : event.alert[rest];
    return field.endsWith("_ip") ? String(parseAddress(String(value))) === String(parseAddress(String(match[field]))) : value === match[field];
  });
}

function policyOf(signature: string): string {
  const rule = { name: "signature", signature: { rules: [signature] } };
  return JSON.stringify({ apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name: "case" }, spec: { rules: [rule] } });
}

const folders = existsSync(ROOT) ? (readdirSync(ROOT, { recursive: true }) as string[]).filter((name) => /(^|\/)test\.yaml$/.test(name)).sort() : [];
const cases = folders.map((name) => readCase(join(ROOT, dirname(name))));
const compared = cases.flatMap((one) => [...one.signatures].filter(([sid]) => checksOf(one, sid).length > 0).map(([sid, signature]) => ({ one, sid, signature })));
const alike = compared.filter(({ one }) => DIFFERENT[one.name] === undefined);
const folder = new ReplayFolder();
afterAll(() => rmSync(folder.path, { recursive: true }));

async function alertsOf({ folder: path, checksum }: Case, signature: string): Promise<Alert[]> {
  folder.write("policies/mark.yaml", policyOf(signature));
  const { summary, events } = await folder.replay([join(path, "input.pcap")], { checksum });
  expect([summary.policyProblems, summary.error]).toEqual([0, undefined]);
  return events.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Alert).filter((event) => event["event_type"] === "alert");
}

describe(`of ${cases.length} cases, ${alike.length} signatures are compared with what Suricata says`, () => {
  test.each(alike.map(({ one, sid, signature }) => [one.name, sid, one, signature] as const))("%s, signature %d", async (_name, sid, one, signature) => {
    const alerts = await alertsOf(one, signature);
    for (const check of checksOf(one, sid)) {
      // One connection alerts once, whatever the number of packets that hold the content, or of verdicts on it.
      const found = new Set(alerts.filter((alert) => fits(alert, check)).map((alert) => alert["flow_id"])).size;
      expect([sid, check.count > 0, found <= check.count]).toEqual([sid, found > 0, true]);
    }
  });

  test("none too few", () => expect(alike.length).toBeGreaterThanOrEqual(KEPT));
});

describe(`${compared.length - alike.length} signatures differ on purpose`, () => {
  const different = compared.filter(({ one }) => DIFFERENT[one.name] !== undefined);
  test.each(different.map(({ one, sid, signature }) => [one.name, DIFFERENT[one.name]!, sid, one, signature] as const))("%s: %s", async (_name, _why, sid, one, signature) => {
    const alerts = await alertsOf(one, signature);
    expect(checksOf(one, sid).some(({ count }) => count > 0 !== alerts.length > 0)).toBe(true);
  });
});

test("what is skipped has a reason, and the reasons are counted", () => {
  const reasons = new Map<string, number>();
  for (const { skipped, signatures } of cases) {
    for (const reason of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    if (skipped.length + signatures.size === 0) reasons.set("a case without rules", (reasons.get("a case without rules") ?? 0) + 1);
  }
  const unchecked = cases.reduce((sum, one) => sum + [...one.signatures.keys()].filter((sid) => checksOf(one, sid).length === 0).length, 0);
  if (unchecked > 0) reasons.set("no check of the case names the signature", unchecked);
  const total = [...reasons.values()].reduce((sum, count) => sum + count, 0);
  console.log(`suricata-verify: ${cases.length} cases, ${compared.length} signatures compared (${compared.length - alike.length} differ on purpose), ${total} skipped`);
  for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a)) console.log(`  ${String(count).padStart(4)}  ${reason}`);
  expect(cases.reduce((sum, { signatures, skipped }) => sum + signatures.size + skipped.length, 0)).toBe(compared.length + total);
});
