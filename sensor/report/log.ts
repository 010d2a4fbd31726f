/** The program's log: pino on standard error. JSON lines for machines, one plain line for a terminal. */
import { createRequire } from "node:module";
import type { Logger } from "pino";

export type { Logger };
export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

/** Where lines go: a stream or anything with write(). */
export interface LogSink {
  write(line: string): unknown;
}

/** `pretty`: `12:00:01.123 warn  message key=value`; else pino's JSON with ISO time. */
export function createLog(level: LogLevel, pretty: boolean, sink: LogSink = process.stderr): Logger {
  // Workers and short commands come through this room's door too, and have no use for pino.
  const { pino } = createRequire(import.meta.url)("pino") as typeof import("pino");
  const destination = pretty ? { write: (line: string) => void sink.write(prettyLine(line)) } : sink;
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination as { write(line: string): void },
  );
}

/** One line of pino's JSON as a person reads it; what is no JSON is passed on. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, err, ...rest } = record;
  let text = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg ?? "")}`;
  for (const key of Object.keys(rest)) text += ` ${key}=${plain(rest[key])}`;
  if (typeof err === "object" && err !== null && "message" in err) text += `: ${String(err.message)}`;
  // Names out of files and packets reach log lines: no control character may reach the terminal.
  // oxlint-disable-next-line no-control-regex
  return `${text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?")}\n`;
}

function plain(value: unknown): string {
  return typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}
