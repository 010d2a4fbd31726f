/** JSON schema as zod writes it to the structural schema that an API server takes (KEP-2335). */
import { z } from "zod";
import type { CelRule } from "../rule.ts";

/** apiextensions/v1 JSONSchemaProps, the part of it that we use. */
export interface Structural {
  description?: string;
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  format?: string;
  default?: unknown;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  anyOf?: readonly Structural[];
  required?: readonly string[];
  properties?: Record<string, Structural>;
  additionalProperties?: Structural;
  items?: Structural;
  "x-kubernetes-int-or-string"?: true;
  "x-kubernetes-preserve-unknown-fields"?: true;
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: readonly string[];
  "x-kubernetes-validations"?: readonly CelRule[];
}

/** What zod may leave in a schema: more than an API server takes. */
type Written = Omit<Structural, "additionalProperties" | "items" | "properties" | "anyOf"> & {
  additionalProperties?: Written | boolean;
  items?: Written;
  properties?: Record<string, Written>;
  anyOf?: Written[];
};

/** In this order they stand in the YAML, so that a reader meets the words first. */
const KEPT = [
  "description",
  "type",
  "format",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "maxProperties",
  "required",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-validations",
] as const;

const MAX_INT32 = 2 ** 31 - 1;

export function structuralSchema(schema: z.ZodType): Structural {
  // io: "input" is what people write: fields with a default are not required.
  return rewrite(z.toJSONSchema(schema, { target: "openapi-3.0", io: "input", unrepresentable: "throw", cycles: "throw" }) as Written);
}

function rewrite(written: Written): Structural {
  if (written.anyOf !== undefined) return intOrString(written);
  const node: Structural = {};
  for (const key of KEPT) if (written[key] !== undefined) Object.assign(node, { [key]: written[key] });
  if (written.type === "integer") boundInteger(node);
  // An API server checks the format itself; zod's pattern for it is a page long.
  if (written.format === "date-time") delete node.pattern;
  tellDefault(node);
  if (written.properties !== undefined && Object.keys(written.properties).length > 0) {
    node.properties = Object.fromEntries(Object.entries(written.properties).map(([name, property]) => [name, rewrite(property)]));
  }
  if (written.items !== undefined) node.items = rewrite(written.items);
  const { additionalProperties } = written;
  // `false` is what an API server does anyway: it prunes, or refuses where the client asks for strictness.
  if (typeof additionalProperties === "object") {
    if (Object.keys(additionalProperties).length === 0) node["x-kubernetes-preserve-unknown-fields"] = true;
    else node.additionalProperties = rewrite(additionalProperties);
  }
  return node;
}

/** kubectl explain shows no default: the words say it, where it is one word. */
function tellDefault(node: Structural): void {
  const { description, default: fallback } = node;
  if (description === undefined || fallback === undefined || fallback === "" || typeof fallback === "object") return;
  node.description = `${description} Default: ${String(fallback)}.`;
}

/** z.int() is bounded by what JavaScript counts exactly; a CRD says 32 or 64 bits. */
function boundInteger(node: Structural): void {
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  node.format = node.maximum !== undefined && node.maximum <= MAX_INT32 ? "int32" : "int64";
}

/** A CRD knows one kind of union, with anyOf in exactly this form; bounds stand beside it, each for its own type. */
function intOrString({ description, default: fallback, anyOf }: Written): Structural {
  const [number, text] = anyOf ?? [];
  if (anyOf?.length !== 2 || number?.type !== "integer" || text?.type !== "string") throw new Error(`Cannot write this union into a CRD, expected an integer or a string: current value is ${JSON.stringify(anyOf)}`);
  const { minimum } = number;
  const { maxLength, pattern } = text;
  const node: Structural = {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    ...(minimum !== undefined && { minimum }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern !== undefined && { pattern }),
    "x-kubernetes-int-or-string": true,
    anyOf: [{ type: "integer" }, { type: "string" }],
  };
  tellDefault(node);
  return node;
}
