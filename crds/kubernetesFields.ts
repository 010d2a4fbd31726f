/** Forms that every Kubernetes object shares: conditions, counts, times, lists that say how they are merged. */
import { z } from "zod";

/** A whole number from 0; 64 bits in the CRD. */
export const count = z.int().min(0);

/** RFC 3339, as an API server writes it: 2026-11-26T18:00:00Z. */
export const time = z.iso.datetime({ offset: true, error: "Cannot read a time, expected RFC 3339 such as 2026-11-26T18:00:00Z" }).max(40);

const MAX_CONDITIONS = 16;
const MAX_MESSAGE_LENGTH = 1024;

/** What a machine or a person says in one sentence. */
export const message = z.string().max(MAX_MESSAGE_LENGTH);

/** A word that programs may compare: TooManyFlows, NumbersUnknown. */
export const reasonWord = z.string().max(128);

/** meta/v1 Condition, as kubectl wait, Argo CD and Flux (kstatus) read it. */
export const condition = z.strictObject({
  type: z.string().min(1).max(64).describe("What the condition is about, such as Ready."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
  observedGeneration: count.optional().describe("The metadata.generation that it was judged on."),
  lastTransitionTime: time.describe("When status last changed."),
  reason: reasonWord.describe("Why, in one word for programs."),
  message: message.describe("Why, in a sentence for people."),
});

export const conditions = listMap(z.array(condition).max(MAX_CONDITIONS), "type").describe("What is true of the object now, one entry a type.");

export const observedGeneration = count.describe("The metadata.generation that this status speaks of; an older one means that the newest spec has not been looked at.");

export type Condition = z.output<typeof condition>;

/** Entries are told apart by one field: an API server refuses an equal one, and merges entry by entry. */
export function listMap<T extends z.ZodType<Readonly<Record<K, string>>>, K extends string>(list: z.ZodArray<T>, key: K): z.ZodArray<T> {
  return list
    .superRefine((entries, context) => {
      const seen = new Set<string>();
      entries.forEach((entry, index) => {
        if (seen.has(entry[key])) context.addIssue({ code: "custom", path: [index, key], message: `Cannot use a ${key} twice, expected a ${key} of its own`, input: entry[key] });
        seen.add(entry[key]);
      });
    })
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });
}

/** Entries are their own names: an API server refuses one that is there twice, and merges as a set. */
export function setOf<T extends z.ZodType>(list: z.ZodArray<T>): z.ZodArray<T> {
  return list
    .superRefine((entries, context) => {
      const seen = new Set<unknown>();
      entries.forEach((entry, index) => {
        if (seen.has(entry)) context.addIssue({ code: "custom", path: [index], message: "Cannot name an entry twice, expected each once", input: entry });
        seen.add(entry);
      });
    })
    .meta({ "x-kubernetes-list-type": "set" });
}

/** Whoever applies the list owns the whole of it. */
export function atomic<T extends z.ZodType>(list: T): T {
  return list.meta({ "x-kubernetes-list-type": "atomic" });
}
