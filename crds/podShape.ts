/** Parts of a pod's template that a SensorFleet passes on; their forms are core/v1's. */
import { z } from "zod";
import { atomic } from "./kubernetesFields.ts";
import { keyed } from "./labelSelector.ts";
import { MAX_TOLERATIONS } from "./limits.ts";
import { obeying, unless } from "./rule.ts";

/** Kubernetes' quantity: 100m, 0.5, 128Mi, or a plain number. */
const QUANTITY = /^([0-9]{1,15}(\.[0-9]{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

const quantity = z.union([z.int().min(0), z.string().max(32).regex(QUANTITY, { error: "Cannot read a quantity, expected one such as 100m, 0.5 or 128Mi" })], {
  error: "Cannot read a quantity, expected one such as 100m, 0.5 or 128Mi",
});

const quantities = keyed(quantity);

export const resources = z.strictObject({
  requests: quantities.default({ cpu: "100m", memory: "128Mi" }).describe("What the scheduler reserves."),
  limits: quantities.default({ memory: "512Mi" }).describe("What the kernel enforces."),
});

export const toleration = obeying(
  z.strictObject({
    key: z.string().max(317).optional().describe("Key of the taint. Left out, with operator Exists, it is any."),
    operator: z.enum(["Exists", "Equal"]).optional().describe("Equal (unless told) compares value too."),
    value: z.string().max(63).optional().describe("Value of the taint, with operator Equal."),
    effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional().describe("Effect of the taint. Left out it is any."),
    tolerationSeconds: z.int().optional().describe("How long the pod stays on a node with such a taint of effect NoExecute. Left out, for ever."),
  }),
  {
    message: "Cannot tolerate every key with operator Equal, expected a key, or operator Exists",
    cel: "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
    broken: ({ key, operator }) => unless((key ?? "") !== "" || operator === "Exists"),
  },
  {
    message: "Cannot use a value with operator Exists, expected none",
    cel: "!has(self.value) || self.value == '' || !has(self.operator) || self.operator != 'Exists'",
    broken: ({ operator, value }) => unless((value ?? "") === "" || operator !== "Exists", { path: ["value"], input: value }),
  },
  {
    message: "Cannot count tolerationSeconds of a taint that evicts nobody, expected effect NoExecute",
    cel: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    broken: ({ effect, tolerationSeconds }) => unless(tolerationSeconds === undefined || effect === "NoExecute", { path: ["tolerationSeconds"], input: tolerationSeconds }),
  },
);

export const tolerations = atomic(z.array(toleration).max(MAX_TOLERATIONS));

/** A number of nodes, or a share of them. */
export const rolloutLimit = z.union([z.int().min(1), z.string().max(4).regex(/^(100|[1-9][0-9]?)%$/, { error: "Cannot read a share, expected a number or one such as 10%" })], {
  error: "Cannot read a share, expected a number from 1 or one such as 10%",
});

export const annotations = keyed(z.string().max(4096));
