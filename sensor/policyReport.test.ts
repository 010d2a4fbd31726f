import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadPolicyDirectory } from "./policy/mod.ts";
import { checkSignatures, PolicyKeeper } from "./policyKeeper.ts";
import { PolicyReport } from "./policyReport.ts";
import { createLog } from "./report/mod.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

const policy = (name: string, detector: string): string =>
  `apiVersion: flowreset.io/v1alpha1\nkind: ResponsePolicy\nmetadata: {name: ${name}}\nspec: {rules: [{name: rule, ${detector}}]}\n`;
const CONNECTION = "connection: {server: {cidrs: [192.0.2.1/32]}}";

/** A directory of files, and the report on it each time that it is looked at. */
function reported(name: string, files: Readonly<Record<string, string>>) {
  const directory = join(folder, name);
  mkdirSync(directory);
  const put = (file: string, text: string): void => writeFileSync(join(directory, file), text);
  for (const [file, text] of Object.entries(files)) put(file, text);
  const lines: string[] = [];
  const report = new PolicyReport(createLog("info", false, { write: (line) => lines.push(line) }));
  const keeper = new PolicyKeeper({ protectedConnections: [], protectedPorts: [] });
  const look = (): string[] => {
    lines.length = 0;
    const snapshot = loadPolicyDirectory({ directory, standalone: true, check: checkSignatures });
    report.onSnapshot(snapshot, keeper.take(snapshot));
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  };
  return { directory, put, look, report, lines };
}

test("every load is a line with how many policies are in force, and what was mended", () => {
  const { look, put, report, lines } = reported("loads", { "a.yaml": policy("a", CONNECTION), "b.yaml": "kind: ResponsePolicy\n" });
  expect(look().at(-1)).toBe("policies in force");
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ policies: 1, broken: 1 });
  expect(report.state).toMatchObject({ loaded: 1, broken: 1, lastLoadSeconds: 0 });
  put("b.yaml", policy("b", CONNECTION));
  expect(look()).toEqual(["policies in force"]);
  expect(JSON.parse(lines[0]!)).toMatchObject({ policies: 2, broken: 0 });
  expect((JSON.parse(lines[0]!) as { mended: number }).mended).toBeGreaterThan(0);
  expect(report.state.lastLoadSeconds).toBeGreaterThan(0);
});

test("a remark is logged once, however often the folder is loaded", () => {
  const { look } = reported("once", { "a.yaml": "kind: ResponsePolicy\n" });
  expect(look().length).toBeGreaterThan(1);
  expect(look()).toEqual(["policies in force"]);
});

test("an object with a detector that is not there yet is told so in its own report, its neighbour in the file is not", () => {
  const text = `${policy("good", CONNECTION)}---\n${policy("early", "beacon: {}")}`;
  const { look, report } = reported("early", { "two.yaml": text });
  expect(look().some((line) => /two\.yaml:\d+:\d+: spec\.rules\[0\]\.beacon: .*not supported yet/.test(line))).toBe(true);
  expect(report.messageOf("ResponsePolicy default/early")).toMatch(/beacon.*not supported yet/);
  expect(report.messageOf("ResponsePolicy default/good")).toBeUndefined();
});

test("broken settings and a folder that is away are trouble, a broken policy is not", () => {
  const { look, put, report, directory } = reported("trouble", { "a.yaml": "kind: ResponsePolicy\n" });
  look();
  expect(report.trouble).toBeUndefined();
  put("settings.yaml", "kind: SensorSettings\nspec: {nothing: 1}\n");
  expect(look()).toContain("Mend the settings to enforce again: every policy observes until then");
  expect(report.trouble).toMatch(/settings cannot be read/);
  rmSync(join(directory, "settings.yaml"));
  renameSync(directory, `${directory}.away`);
  look();
  expect(report.trouble).toMatch(/folder of policies cannot be read/);
  expect(report.state.broken).toBe(1);
});
