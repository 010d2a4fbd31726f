/** A field's type, default and limits in words. */
import type { Structural } from "./structural.ts";

export function typeOf(field: Structural): string {
  if (field["x-kubernetes-int-or-string"] === true) return "integer or string";
  if (field.format === "date-time") return "time";
  if (field.type === "array") return `list of ${typeOf(field.items ?? {})}`;
  if (field.additionalProperties !== undefined) return `map of ${typeOf(field.additionalProperties)}`;
  return field.type ?? "any";
}

/** Each a sentence. Of a list, those of its entries too. */
export function factsOf(field: Structural): string[] {
  const { enum: values, items, additionalProperties, default: fallback } = field;
  const facts: string[] = [];
  if (values !== undefined) facts.push(`One of ${values.map((value) => `\`${String(value)}\``).join(", ")}.`);
  const rules = isText(field) ? (field["x-kubernetes-validations"] ?? []) : [];
  const range = rangeOf(field);
  // What a text must say tells more than how long it may be.
  if (range !== "" && rules.length === 0) facts.push(range);
  for (const { message } of rules) facts.push(`${expectation(message)}.`);
  if (items !== undefined && isText(items)) facts.push(...factsOf(items).map((fact) => `Each: ${lowerFirst(fact)}`));
  if (additionalProperties !== undefined && isText(additionalProperties)) facts.push(...factsOf(additionalProperties).map((fact) => `Each value: ${lowerFirst(fact)}`));
  if (items !== undefined && field["x-kubernetes-list-type"] === "set") facts.push("None twice.");
  if (fallback !== undefined && !isEmpty(fallback)) facts.push(`Default: \`${JSON.stringify(fallback).replace(/^"(.*)"$/, "$1")}\`.`);
  return facts;
}

function rangeOf({ minimum, maximum, minLength, maxLength, minItems, maxItems, maxProperties, format }: Structural): string {
  if (format === "date-time") return "";
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}.`;
  if (minimum !== undefined && minimum > 0) return `At least ${minimum}.`;
  if (maxItems !== undefined) return minItems === undefined ? `At most ${maxItems} entries.` : `${minItems} to ${maxItems} entries.`;
  if (maxProperties !== undefined) return `At most ${maxProperties} entries.`;
  if (maxLength !== undefined && maxLength > 1) return minLength === undefined || minLength === 0 ? `At most ${maxLength} characters.` : `${minLength} to ${maxLength} characters.`;
  return "";
}

/** "Cannot read a CIDR, expected no bits below the prefix" as "Expected: no bits below the prefix". */
function expectation(message: string): string {
  return message.replace(/^Cannot .*?, expected /, "Expected: ");
}

function isText(field: Structural): boolean {
  return field.type !== "object" && field.type !== "array";
}

function isEmpty(value: unknown): boolean {
  return value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
