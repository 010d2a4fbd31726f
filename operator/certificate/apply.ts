/** One step of a plan, done to the material; nothing is written here. */
import { makeAuthority, makeServing } from "./make.ts";
import { parse, type Material } from "./material.ts";
import { planCertificate, type Step } from "./plan.ts";

/** More steps than a rotation has: what has not come to rest by then never will. */
const MAX_STEPS = 8;

/** The material after everything that is due was done; the same object where nothing was. */
export async function bringUpToDate(material: Material, names: readonly string[], nowMs: number): Promise<Material> {
  let current = material;
  for (let count = 0; count < MAX_STEPS; count++) {
    const step = planCertificate(current, names, nowMs);
    if (step === undefined) return current;
    current = await take(step, current, names, nowMs);
  }
  throw new Error(`Cannot bring the certificates up to date, expected rest after ${MAX_STEPS} steps: current step is ${planCertificate(current, names, nowMs)}`);
}

async function take(step: Step, material: Material, names: readonly string[], nowMs: number): Promise<Material> {
  switch (step) {
    case "Begin": {
      const ca = await makeAuthority(authorityName(nowMs), nowMs);
      return { ca, serving: await makeServing(ca, names, nowMs) };
    }
    case "Succeed":
      return { ...material, next: await makeAuthority(authorityName(nowMs), nowMs) };
    case "Promote": {
      const ca = material.next!;
      return { ca, previous: material.ca?.certificate, serving: await makeServing(ca, names, nowMs) };
    }
    case "Renew":
      return { ...material, serving: await makeServing(material.ca!, names, nowMs) };
    case "Forget":
      return { ...material, previous: undefined };
  }
}

/** A name of its own for each CA: verifiers choose an issuer by it. */
function authorityName(nowMs: number): string {
  return `flowreset-report-stream ${new Date(nowMs).toISOString()}`;
}

/** When to look again: at the latest a day from now. */
export function lookAgainMs(material: Material, nowMs: number): number {
  const serving = material.serving === undefined ? undefined : parse(material.serving.certificate);
  const left = serving === undefined ? 0 : serving.validToDate.getTime() - nowMs;
  return Math.max(60_000, Math.min(3_600_000, left / 10));
}
