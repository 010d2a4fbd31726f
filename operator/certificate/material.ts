/** What the Secret holds, as texts and as the facts that a plan needs. Unreadable parts count as absent. */
import { createPrivateKey, X509Certificate } from "node:crypto";

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface Material {
  /** Signs. */
  readonly ca?: Authority | undefined;
  /** Published, does not sign yet. */
  readonly next?: Authority | undefined;
  /** Signed once, still trusted; PEM. */
  readonly previous?: string | undefined;
  readonly serving?: Authority | undefined;
}

const FIELDS = {
  ca: ["ca.crt", "ca.key"],
  next: ["next-ca.crt", "next-ca.key"],
  serving: ["tls.crt", "tls.key"],
} as const;
const PREVIOUS = "previous-ca.crt";

/** From a Secret's `data` (base64). */
export function readMaterial(data: Readonly<Record<string, string>> | undefined): Material {
  const text = (name: string) => (data?.[name] === undefined ? undefined : Buffer.from(data[name], "base64").toString("utf8"));
  const pair = ([certificateName, keyName]: readonly [string, string]): Authority | undefined => {
    const certificate = text(certificateName);
    const key = text(keyName);
    return certificate !== undefined && key !== undefined && isPair(certificate, key) ? { certificate, key } : undefined;
  };
  const previous = text(PREVIOUS);
  const ca = pair(FIELDS.ca);
  const next = pair(FIELDS.next);
  return {
    ca,
    // An apply leaves fields that others own: a successor that signs by now would succeed itself for ever.
    next: next?.certificate === ca?.certificate ? undefined : next,
    serving: pair(FIELDS.serving),
    previous: previous !== undefined && parse(previous) !== undefined ? previous : undefined,
  };
}

/** A Secret's `data`. */
export function writeMaterial({ ca, next, serving, previous }: Material): Record<string, string> {
  const data: Record<string, string> = {};
  for (const [pair, [certificateName, keyName]] of [
    [ca, FIELDS.ca],
    [next, FIELDS.next],
    [serving, FIELDS.serving],
  ] as const) {
    if (pair === undefined) continue;
    data[certificateName] = base64(pair.certificate);
    data[keyName] = base64(pair.key);
  }
  if (previous !== undefined) data[PREVIOUS] = base64(previous);
  return data;
}

/** What sensors are told to trust; PEM, the signing one first. */
export function bundleOf({ ca, next, previous }: Material): string {
  return [ca?.certificate, next?.certificate, previous].filter((text) => text !== undefined).map((text) => `${text.trim()}\n`).join("");
}

/** Undefined where the text is no certificate. */
export function parse(certificate: string): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

function isPair(certificate: string, key: string): boolean {
  try {
    return parse(certificate)?.checkPrivateKey(createPrivateKey(key)) === true;
  } catch {
    return false;
  }
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
