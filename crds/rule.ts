/**
 * A rule beyond the form of one value: between fields, or inside a text. It is said once, in two languages side by
 * side with the same words: zod's, for whoever reads objects, and CEL, for the API server that lets them in.
 */
import type { z } from "zod";

/** Key in a schema's meta under which a CRD finds its CEL rules. */
export const VALIDATIONS = "x-kubernetes-validations";

export interface Rule<T> {
  /** Action first, then what is expected; without the current value. */
  readonly message: string;
  /** True where `self` obeys. Evaluated after defaults are filled in, as `broken` is. */
  readonly cel: string;
  /** Field below `self` that an API server is to blame, such as ".rules". */
  readonly fieldPath?: string;
  /** Where the value does not obey; empty where it does. Absent for a rule about a change, which no one object can break. */
  readonly broken?: (value: T) => readonly Breach[];
}

export interface Breach {
  /** Below the value. */
  readonly path?: readonly PropertyKey[];
  /** What stands there, as "rule is r"; unless told, the value itself is shown. */
  readonly current?: string;
  readonly input?: unknown;
}

/** A rule as a CRD writes it. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** The schema with rules on top; its type stays as it is. */
export function obeying<S extends z.ZodType>(schema: S, ...rules: readonly Rule<z.output<S>>[]): S {
  const checked = schema.superRefine((value, context) => {
    for (const { message, broken } of rules) {
      for (const { path, current, input } of broken?.(value) ?? []) {
        context.addIssue({ code: "custom", path: [...(path ?? [])], message: current === undefined ? message : `${message}: current ${current}`, input: input ?? value });
      }
    }
  });
  return withCel(checked, schema, rules.map(celRule));
}

export function celRule({ cel, message, fieldPath }: Pick<Rule<never>, "cel" | "message" | "fieldPath">): CelRule {
  return { rule: cel, message, ...(fieldPath !== undefined && { fieldPath }) };
}

/** `schema` with the meta of `original` and further CEL rules. */
export function withCel<S extends z.ZodType>(schema: S, original: z.ZodType, rules: readonly CelRule[]): S {
  const meta = original.meta() ?? {};
  const earlier = (meta[VALIDATIONS] as CelRule[] | undefined) ?? [];
  return schema.meta({ ...meta, [VALIDATIONS]: [...earlier, ...rules] });
}

/** A breach of the whole value, or none. */
export function unless(holds: boolean, breach: Breach = {}): readonly Breach[] {
  return holds ? [] : [breach];
}
