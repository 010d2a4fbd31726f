/** A field's type, default and limits in words. */
import type { Structural } from "./structural.ts";

export function typeOf(field: Structural): string {
  if (isLabelSelector(field)) return "label selector";
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
  if (rules.length > 0) facts.push(`Expected: ${rules.map(({ message }) => expectation(message)).join("; ")}.`);
  if (items !== undefined && isText(items)) facts.push(...factsOf(items).map((fact) => `Each entry: ${lowerFirst(fact)}`));
  if (additionalProperties !== undefined && isText(additionalProperties)) facts.push(...factsOf(additionalProperties).map((fact) => `Each value: ${lowerFirst(fact)}`));
  if (items !== undefined && field["x-kubernetes-list-type"] === "set") facts.push("None twice.");
  // A default of one word is in the description.
  if (typeof fallback === "object" && Object.keys(fallback ?? {}).length > 0) facts.push(`Default: \`${JSON.stringify(fallback)}\`.`);
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

/** The part of "Cannot read a CIDR, expected no bits below the prefix" that says what is. */
function expectation(message: string): string {
  return message.replace(/^Cannot .*?, expected /, "");
}

/** Kubernetes' own form, which a page tells of once. */
export function isLabelSelector({ properties }: Structural): boolean {
  return properties !== undefined && Object.keys(properties).join() === "matchLabels,matchExpressions";
}

function isText(field: Structural): boolean {
  return field.type !== "object" && field.type !== "array";
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
