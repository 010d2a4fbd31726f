/** What to do next with the certificates that there are. Pure: the first thing that is due, or nothing. */
import type { X509Certificate } from "node:crypto";
import { parse, type Authority, type Material } from "./material.ts";

export const AUTHORITY_LIFE_MS = 365 * 86_400_000;
export const SERVING_LIFE_MS = 90 * 86_400_000;
/** A new CA is published so long before it signs. */
export const PUBLISHED_BEFORE_MS = 86_400_000;
/** Life that is left when a thing is renewed, as a part of the whole. */
const RENEW_AT = 1 / 3;

export type Step =
  /** Nothing that can be used is there: a CA and a certificate, at once. */
  | "Begin"
  /** The CA grows old: make its successor and publish it. */
  | "Succeed"
  /** The successor has been published long enough: it signs from now on. */
  | "Promote"
  /** The serving certificate is absent, old, for other names or of another CA. */
  | "Renew"
  /** An old CA has expired: nobody needs to trust it. */
  | "Forget";

export function planCertificate(material: Material, names: readonly string[], nowMs: number): Step | undefined {
  const ca = valid(material.ca, nowMs);
  const next = valid(material.next, nowMs);
  if (ca === undefined) return next === undefined ? "Begin" : "Promote";
  if (next !== undefined && nowMs - next.validFromDate.getTime() >= PUBLISHED_BEFORE_MS) return "Promote";
  if (next === undefined && isOld(ca, nowMs)) return "Succeed";
  const serving = valid(material.serving, nowMs);
  if (serving === undefined || isOld(serving, nowMs) || !isOf(serving, ca) || !isFor(serving, names)) return "Renew";
  if (material.previous !== undefined && isOver(parse(material.previous), nowMs)) return "Forget";
  return undefined;
}

function valid(authority: Authority | undefined, nowMs: number): X509Certificate | undefined {
  const certificate = authority === undefined ? undefined : parse(authority.certificate);
  return isOver(certificate, nowMs) ? undefined : certificate;
}

function isOver(certificate: X509Certificate | undefined, nowMs: number): boolean {
  return certificate === undefined || nowMs >= certificate.validToDate.getTime();
}

function isOld({ validFromDate, validToDate }: X509Certificate, nowMs: number): boolean {
  return validToDate.getTime() - nowMs < (validToDate.getTime() - validFromDate.getTime()) * RENEW_AT;
}

function isOf(serving: X509Certificate, ca: X509Certificate): boolean {
  return serving.checkIssued(ca) && serving.verify(ca.publicKey);
}

function isFor(serving: X509Certificate, names: readonly string[]): boolean {
  return names.every((name) => serving.checkHost(name) !== undefined || serving.checkIP(name) !== undefined);
}
