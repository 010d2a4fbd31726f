/** The field names that a schema knows at a path: what a misspelt field could have been. */
import { z } from "zod";
import { nearest } from "./suggestion.ts";

/** The schema at a path, without its optional and default wrappers; undefined where there is none. */
function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = bare(schema);
  for (const part of path) {
    if (current instanceof z.ZodObject) current = current.shape[part as string];
    else if (current instanceof z.ZodArray) current = current.element;
    else if (current instanceof z.ZodRecord) current = current.valueType;
    else return undefined;
    if (current === undefined) return undefined;
    current = bare(current);
  }
  return current;
}

function bare(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema;
  while (current instanceof z.ZodOptional || current instanceof z.ZodNullable || current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
    current = current.unwrap() as z.core.$ZodType;
  }
  return current;
}

export function fieldNames(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const found = schemaAt(schema, path);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The field that was meant by an unknown one: misspelt here, or written one level too high ("subject.cidrs"). */
export function meantField(schema: z.core.$ZodType, path: readonly PropertyKey[], key: string): string | undefined {
  const names = fieldNames(schema, path);
  const near = nearest(key, names);
  if (near !== undefined) return near;
  const parent = names.find((name) => fieldNames(schema, [...path, name]).includes(key));
  return parent === undefined ? undefined : `${parent}.${key}`;
}
