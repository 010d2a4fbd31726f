/**
 * What an API server would not take of a schema, or takes and we do not want: told before there is a server. It is
 * the rules of KEP-2335, Go's regular expressions, and a house rule: everything is described and bounded.
 */
import type { Structural } from "./structural.ts";

const ALLOWED = new Set<string>([
  "description", "type", "format", "default", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "maxProperties", "anyOf",
  "required", "properties", "additionalProperties", "items", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys", "x-kubernetes-validations",
]);

const FORMATS = new Set(["int32", "int64", "date-time"]);

/** Not in RE2: lookaround, back references, classes by Unicode escapes, possessive quantifiers and atomic groups. */
const NOT_RE2 = /\(\?[=!<>]|\\[1-9]|\\k<|\\u|\\c|[*+?}]\+/;

/** Each as "path: complaint". An object's apiVersion, kind and metadata are the API server's own. */
export function complaintsAbout(schema: Structural, path = ""): string[] {
  const own = [...ownComplaints(schema)].map((complaint) => `${path}: ${complaint}`);
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    ...(property.description === undefined ? [`${path}.${name}: has no description`] : []),
    ...complaintsAbout(property, `${path}.${name}`),
  ]);
  const values = schema.additionalProperties === undefined ? [] : complaintsAbout(schema.additionalProperties, `${path}{}`);
  const items = schema.items === undefined ? [] : complaintsAbout(schema.items, `${path}[]`);
  return [...own, ...below, ...values, ...items];
}

function* ownComplaints(schema: Structural): Generator<string> {
  for (const key of Object.keys(schema)) if (!ALLOWED.has(key)) yield `has the keyword ${key}`;
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (JSON.stringify(schema.anyOf) !== '[{"type":"integer"},{"type":"string"}]') yield "is a union in another form than integer or string";
    if (schema.maxLength === undefined || schema.pattern === undefined) yield "is text or a number without maxLength and pattern";
    return;
  }
  if (schema.anyOf !== undefined) yield "has anyOf";
  if (schema.format !== undefined && !FORMATS.has(schema.format)) yield `has the format ${schema.format}, which no API server checks`;
  if (schema.pattern !== undefined && NOT_RE2.test(schema.pattern)) yield `has a pattern that Go cannot read: ${schema.pattern}`;
  for (const { rule, message } of schema["x-kubernetes-validations"] ?? []) if (rule === "" || message.length > 2_048 || !message.startsWith("Cannot ")) yield `has a rule without a proper message: ${rule}`;
  yield* complaintsOfType(schema);
}

function* complaintsOfType(schema: Structural): Generator<string> {
  switch (schema.type) {
    case "object":
      if (schema.properties !== undefined && schema.additionalProperties !== undefined) yield "has properties and additionalProperties";
      if (schema.additionalProperties !== undefined && schema.maxProperties === undefined) yield "is a map without maxProperties";
      for (const name of schema.required ?? []) if (schema.properties?.[name] === undefined) yield `requires ${name}, which it does not have`;
      break;
    case "array":
      if (schema.items === undefined) yield "has no items";
      if (schema.maxItems === undefined) yield "is a list without maxItems";
      if (schema["x-kubernetes-list-type"] === undefined) yield "is a list without x-kubernetes-list-type";
      if (schema["x-kubernetes-list-type"] === "map") yield* complaintsOfKeys(schema);
      break;
    case "string":
      if (schema.maxLength === undefined && schema.enum === undefined) yield "is text without maxLength";
      break;
    case "integer":
      if (schema.format === undefined) yield "is an integer without a format";
      break;
    case "boolean":
      break;
    default:
      yield `has the type ${schema.type ?? "(none)"}`;
  }
}

function* complaintsOfKeys({ items, "x-kubernetes-list-map-keys": keys }: Structural): Generator<string> {
  if (keys === undefined || keys.length === 0) yield "is a map of entries without keys";
  for (const key of keys ?? []) if (!(items?.required ?? []).includes(key)) yield `has entries that may lack their key ${key}`;
}
