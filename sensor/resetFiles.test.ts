import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadPolicyDirectory } from "./policy/mod.ts";
import { checkSignatures, PolicyKeeper } from "./policyKeeper.ts";
import { createLog } from "./report/mod.ts";
import { ResetBoard } from "./resetBoard.ts";
import { ResetFiles } from "./resetFiles.ts";
import type { ToWorker } from "./workerMessages.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-resets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const reset = (name: string, port: number): string =>
  `apiVersion: flowreset.io/v1alpha1\nkind: FlowReset\nmetadata: {name: ${name}}\nspec: {match: {server: {ip: 192.0.2.1, port: ${port}}}}\n`;

/** A folder of policies, and sensors that one after the other read it. */
function world(name: string) {
  const directory = join(folder, name);
  mkdirSync(join(directory, "policies"), { recursive: true });
  const put = (file: string, text: string): string => {
    const path = join(directory, "policies", file);
    writeFileSync(path, text);
    return path;
  };
  const sensor = (machineStartMs?: number) => {
    const lines: string[] = [];
    const done: string[] = [];
    const keeper = new PolicyKeeper({ protectedConnections: [], protectedPorts: [] });
    const workers = { count: 1, postTo: (_worker: number, message: ToWorker): void => void (message.kind === "reset" && done.push(message.name)) };
    const log = createLog("info", false, { write: (line) => lines.push(line) });
    const files = new ResetFiles({ keeper, board: new ResetBoard(() => workers, () => 0), log, statePath: join(directory, "sensor.sock"), ...(machineStartMs === undefined ? {} : { machineStartMs }) });
    const look = (): string[] => {
      done.length = 0;
      keeper.take(loadPolicyDirectory({ directory: join(directory, "policies"), standalone: true, check: checkSignatures }));
      files.onResets(keeper.resets);
      return [...done];
    };
    return { look, lines };
  };
  return { put, sensor };
}

test("a FlowReset is run once, again when it says something else, and not by the next sensor", () => {
  const { put, sensor } = world("once");
  put("a.yaml", reset("a", 80));
  const first = sensor();
  expect([first.look(), first.look()]).toEqual([["default/a"], []]);
  put("b.yaml", reset("b", 81));
  put("a.yaml", reset("a", 82));
  expect(first.look()).toEqual(["default/a", "default/b"]);
  expect(sensor().look()).toEqual([]);
});

test("a FlowReset that was written before the machine started is not run, and that is said; changed it is, with whatever date", () => {
  const { put, sensor } = world("old");
  put("old.yaml", reset("old", 80));
  const first = sensor(Date.now() + 60_000);
  expect(first.look()).toEqual([]);
  expect(JSON.parse(first.lines[0]!)).toMatchObject({ level: "warn", flowReset: "default/old", msg: expect.stringMatching(/written before this machine started.*change it/) });
  expect(first.look()).toEqual([]);
  expect(first.lines).toHaveLength(1);
  utimesSync(put("old.yaml", reset("old", 81)), 1, 1);
  expect(sensor().look()).toEqual(["default/old"]);
});
