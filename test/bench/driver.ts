/** Real connections, one after the other, each with a trigger in it, and what became of both ends (driver.c). */
import { compile } from "../lab/compile.ts";
import type { Lab, Station } from "../lab/mod.ts";

export type Kind = "idle" | "answer" | "http" | "up50" | "up1000" | "upfull" | "down50" | "downfull" | "both50" | "bothfull";

export interface DriverOptions {
  readonly client: Station;
  readonly server: Station;
  /** Of the server, as the client calls it. */
  readonly address: string;
  readonly port: number;
  readonly kind: Kind;
  readonly count: number;
  /** Until the server answers the trigger. */
  readonly answerMicroseconds?: number;
  /** How long an end may live on after the trigger. */
  readonly limitMs?: number;
  readonly pauseMs?: number;
  /** A shell program, started before each trigger with the client's port, and ended after it. */
  readonly killer?: string;
}

export interface Driven {
  readonly port: number;
  readonly clientDied: boolean;
  readonly serverDied: boolean;
  /** Since the trigger; -1: lived on. */
  readonly clientMs: number;
  readonly serverMs: number;
  /** That the reading program got after the trigger. */
  readonly bytesPast: number;
}

export interface DriverResult {
  readonly connections: readonly Driven[];
  /** An innocent connection of the same hosts and port lived through all of it. */
  readonly neighbourLived: boolean;
}

/** Most that one connection may take beside the bytes that it sends. */
const CONNECTION_MS = 3_000;

/** The path of a C program of the benchmark, built when first needed. */
export function benchProgram(lab: Lab, name: string): string {
  return compile(name, lab.directory, import.meta.dirname);
}

export async function drive(options: DriverOptions): Promise<DriverResult> {
  const { client, server, address, port, kind, count } = options;
  const { lab } = client.namespace;
  const words = [
    `/run/netns/${client.namespace.name}`, `/run/netns/${server.namespace.name}`, address, String(port), kind, String(count),
    ...word("answer", options.answerMicroseconds), ...word("limit", options.limitMs), ...word("pause", options.pauseMs), ...word("killer", options.killer),
  ];
  const timeoutMs = 30_000 + count * (CONNECTION_MS + (options.limitMs ?? 0) + (options.pauseMs ?? 0));
  const { stdout } = await lab.run([benchProgram(lab, "driver"), ...words], { timeoutMs });
  const lines = stdout.trim().split("\n");
  const last = /^neighbour (\d+) (alive|dead)$/.exec(lines.pop() ?? "");
  if (last === null || lines.length !== count) throw new Error(`Expected ${count} connections of the driver: ${lines.length} lines`);
  return { connections: lines.map(parse), neighbourLived: last[2] === "alive" && Number(last[1]) === count };
}

function word(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

function parse(line: string): Driven {
  const [port, clientError, serverError, clientMs, serverMs, bytesPast] = line.split(" ").map(Number) as [number, number, number, number, number, number];
  // -1 is an orderly end: nobody reset it.
  return { port, clientDied: clientError > 0, serverDied: serverError > 0, clientMs, serverMs, bytesPast };
}
