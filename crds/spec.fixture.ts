/** Objects to vary in tests: the least that is valid, and what validate() says of a variation. */
import { validate, type Placement } from "./validate.ts";
import { formatPath } from "./remark.ts";

const API = "flowreset.io/v1alpha1";

export const leastRule = { name: "r", connection: {} };
export const leastPolicy = { apiVersion: API, kind: "ResponsePolicy", metadata: { name: "p" }, spec: { rules: [leastRule] } };
export const leastReset = { apiVersion: API, kind: "FlowReset", metadata: { name: "k" }, spec: { match: { client: { ip: "10.0.0.7" } } } };
export const leastSettings = { apiVersion: API, kind: "SensorSettings", metadata: { name: "s" }, spec: {} };

export function policyWith(spec: object): unknown {
  return { ...leastPolicy, spec: { ...leastPolicy.spec, ...spec } };
}

export function ruleWith(rule: object): unknown {
  return policyWith({ rules: [{ ...leastRule, ...rule }] });
}

export function resetWith(spec: object): unknown {
  return { ...leastReset, spec: { ...leastReset.spec, ...spec } };
}

export function settingsWith(spec: object): unknown {
  return { ...leastSettings, spec };
}

/** Faults as "path: message", with "spec." left out. */
export function faultsOf(value: unknown, placement: Placement = { standalone: true }): string[] {
  return validate(value, placement).faults.map(({ path, message }) => `${formatPath(path).replace(/^spec\./, "")}: ${message}`);
}

export function notesOf(value: unknown, placement: Placement = { standalone: true }): string[] {
  return validate(value, placement).notes.map(({ path, message }) => `${formatPath(path).replace(/^spec\./, "")}: ${message}`);
}
