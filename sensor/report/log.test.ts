import { expect, test } from "vitest";
import { createLog, prettyLine } from "./log.ts";

function lines(level: "info" | "silent", pretty: boolean) {
  const out: string[] = [];
  return { out, log: createLog(level, pretty, { write: (line) => out.push(line) }) };
}

test("for machines a line is JSON with time, level and fields", () => {
  const { out, log } = lines("info", false);
  log.debug("hidden");
  log.warn({ interface: "veth0" }, "interface gone");
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0])).toMatchObject({ level: "warn", interface: "veth0", msg: "interface gone" });
  expect(Date.parse((JSON.parse(out[0]) as { time: string }).time)).not.toBeNaN();
});

test("for a terminal a line is time, level, message, fields and the error's message", () => {
  const { out, log } = lines("info", true);
  log.error({ file: "a b.yaml", count: 2, err: new Error("no such field") }, "policy refused");
  expect(out[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} error policy refused file="a b\.yaml" count=2: no such field\n$/);
});

test("no control character of a name reaches the terminal", () => {
  const line = prettyLine(JSON.stringify({ level: "info", time: "2026-01-01T00:00:00.000Z", msg: "a\u001b[31m\nb\u009b" }));
  expect(line).toBe("00:00:00.000 info  a?[31m?b?\n");
});

test("a line that is no JSON is passed on as it is", () => {
  expect(prettyLine("boom\n")).toBe("boom\n");
});

test("silent says nothing", () => {
  const { out, log } = lines("silent", true);
  log.fatal("x");
  expect(out).toEqual([]);
});
