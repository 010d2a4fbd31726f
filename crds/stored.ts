/**
 * Objects that an API server has let in, perhaps by a CRD older or newer than this program. A field that is not known
 * here is left out and named. Where it stands among the fields that choose flows, what remains would match more than
 * was asked for: then the rule rests, or the FlowReset is refused.
 */
import type { z } from "zod";
import { explain } from "./explain.ts";
import type { ClusterKind } from "./group.ts";
import { STORED_SCHEMAS, type KindedObject } from "./kinds.ts";
import { MAX_PROBLEMS_PER_FILE } from "./limits.ts";
import { formatPath, show, type Fault } from "./remark.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";

export interface StoredReading {
  /** Absent where there are faults. */
  readonly read?: KindedObject;
  readonly faults: Fault[];
  readonly notes: Fault[];
  /** Indexes of rules that must not fire, because a part of them, or of what they all obey, is not known here. */
  readonly restingRules: ReadonlySet<number>;
}

export function readStored(kind: ClusterKind, value: Record<string, unknown>): StoredReading {
  const nothing = new Set<number>();
  const { metadata } = value;
  if (!isNamed(metadata)) {
    return { faults: [{ path: ["metadata", "name"], message: `Cannot do without a name, expected the API server's: current metadata is ${show(metadata)}` }], notes: [], restingRules: nothing };
  }
  const schemas = STORED_SCHEMAS[kind];
  const spec = readKnown(schemas.spec, value["spec"] ?? {}, "spec");
  const faults = [...spec.faults, ...spec.unknown.filter(isOfMatch).slice(0, MAX_PROBLEMS_PER_FILE).map(unknownOfMatch)];
  if (faults.length > 0) return { faults, notes: [], restingRules: nothing };
  // What another program of ours wrote is never a reason to do without the spec, nor to talk of its newer fields.
  const status = value["status"] === undefined ? undefined : readKnown(schemas.status, value["status"], "status");
  const notes = spec.unknown.slice(0, MAX_PROBLEMS_PER_FILE).map(ignored);
  for (const fault of status?.faults ?? []) notes.push({ ...fault, message: `${fault.message}; the status is not read` });
  const object = { apiVersion: value["apiVersion"], kind, metadata, spec: spec.value, ...(status?.value !== undefined && { status: status.value }) };
  const read = { kind, object } as unknown as KindedObject;
  return { read, faults, notes, restingRules: restingRules(kind, spec) };
}

/** An API server has checked all the rest; what is about to be sent to one may leave the name to it. */
function isNamed(metadata: unknown): boolean {
  const { name, generateName } = (metadata ?? {}) as { name?: unknown; generateName?: unknown };
  return typeof (name ?? generateName) === "string";
}

interface Known {
  readonly value?: unknown;
  readonly faults: Fault[];
  /** Paths of the fields that are left out. */
  readonly unknown: (readonly PropertyKey[])[];
}

function readKnown(schema: z.ZodType, input: unknown, half: "spec" | "status"): Known {
  const unknown: PropertyKey[][] = [];
  let known = input;
  for (;;) {
    const result = schema.safeParse(known, { reportInput: true });
    if (result.success) return { value: result.data, faults: [], unknown };
    const found = result.error.issues.filter((issue) => issue.code === "unrecognized_keys");
    // Each pass leaves out at least one field, so that it ends.
    if (found.length === 0) {
      return { faults: explain(result.error.issues, schema).map((fault) => ({ ...fault, path: [half, ...fault.path] })), unknown };
    }
    for (const { path, keys } of found) {
      known = without(known, path, keys);
      for (const key of keys) unknown.push([half, ...path, key]);
    }
  }
}

/** A copy of plain data that lacks some fields of the map at a path; the original stays as it is. */
function without(value: unknown, [next, ...rest]: readonly PropertyKey[], keys: readonly string[]): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<PropertyKey, unknown>;
  if (next !== undefined) copy[next] = without(copy[next], rest, keys);
  else for (const key of keys) delete copy[key];
  return copy;
}

function isOfMatch([, part]: readonly PropertyKey[]): boolean {
  return part === "match";
}

function unknownOfMatch(path: readonly PropertyKey[]): Fault {
  return { path, atKey: true, message: `Cannot leave out a part of match that this version does not know, because more would be reset: current field is ${show(String(path.at(-1)))}` };
}

function ignored(path: readonly PropertyKey[]): Fault {
  const [, part, index] = path;
  const effect = part === "rules" && typeof index === "number" ? "so that the rule never fires" : part === "subject" || part === "exempt" ? "so that no rule fires" : "and goes on without it";
  return { path, atKey: true, message: `Cannot understand a field that this version does not know, ${effect}: current field is ${formatPath(path.slice(1))}` };
}

function restingRules(kind: ClusterKind, { value, unknown }: Known): ReadonlySet<number> {
  if (kind !== "ResponsePolicy" && kind !== "ClusterResponsePolicy") return new Set();
  const { rules } = value as ResponsePolicySpec;
  if (unknown.some(([, part]) => part === "subject" || part === "exempt")) return new Set(rules.keys());
  return new Set(unknown.flatMap(([, part, index]) => (part === "rules" && typeof index === "number" ? [index] : [])));
}
