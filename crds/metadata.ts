/** What we read of Kubernetes' ObjectMeta, and what an API server adds to it (kept, not looked at). */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** DNS-1123 subdomain. */
export const objectName = checkedText({
  noun: "a name",
  expected: "lower-case letters, digits, - and . (DNS-1123) such as stop-log4shell",
  maxLength: 253,
  pattern: NAME,
});

/** DNS-1123 label. */
export const labelName = checkedText({
  noun: "a name",
  expected: "lower-case letters, digits and - (DNS-1123 label) such as shop",
  maxLength: 63,
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
});

const namePrefix = checkedText({
  noun: "a name prefix",
  expected: "lower-case letters, digits, - and . such as kill-",
  maxLength: 248,
  pattern: /^[a-z0-9][-a-z0-9.]*$/,
});

export const metadata = z
  .strictObject({
    name: objectName.optional(),
    generateName: namePrefix.optional(),
    namespace: labelName.optional(),
    labels: z.record(z.string().max(317), z.string().max(63)).optional(),
    annotations: z.record(z.string().max(317), z.string()).optional(),
    uid: z.string().max(64).optional(),
    resourceVersion: z.string().max(64).optional(),
    generation: z.int().optional(),
    creationTimestamp: z.string().max(64).nullable().optional(),
    deletionTimestamp: z.string().max(64).nullable().optional(),
    deletionGracePeriodSeconds: z.int().optional(),
    selfLink: z.string().max(1024).optional(),
    finalizers: z.array(z.string().max(317)).max(64).optional(),
    ownerReferences: z.array(z.looseObject({})).max(64).optional(),
    managedFields: z.array(z.looseObject({})).max(256).optional(),
  })
  .superRefine(({ name, generateName }, context) => {
    if (name !== undefined || generateName !== undefined) return;
    context.addIssue({ code: "custom", message: "Cannot do without a name, expected metadata.name or metadata.generateName: current value is absent" });
  });

export type Metadata = z.output<typeof metadata>;
