/** A short name for a piece of text, the same on every machine. Not secret and not safe against forgery. */

/** 53 bits as 14 hexadecimal digits (cyrb53: two 32-bit multiply-xor lanes, mixed at the end). */
export function fingerprint(text: string): string {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 2654435761);
    high = Math.imul(high ^ code, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return (4294967296 * (0x1fffff & high) + (low >>> 0)).toString(16).padStart(14, "0");
}

/** Kubernetes' own alphabet for generated names: no vowels, so that no words appear. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** Five characters to put behind a generateName; equal content gets an equal name. */
export function nameSuffix(text: string): string {
  let number = Number.parseInt(fingerprint(text), 16);
  let suffix = "";
  for (let index = 0; index < 5; index++) {
    suffix += ALPHABET[number % ALPHABET.length];
    number = Math.floor(number / ALPHABET.length);
  }
  return suffix;
}
