/** Text that looks like text: words of syllables, some often and most seldom, with spaces, markup and numbers. */
import type { Random } from "../fuzz/random.ts";

const SYLLABLES = "ba con de en fi ger ho in ju ka lo mi na or per qui re sta ter un ver wa xi yo ze tion ment able pre dis ing com ex str th ch ll ou ea ie er es al ic ar".split(" ");
const SEPARATORS = [" ", " ", " ", " ", " ", ", ", ". ", "\r\n", "=", "/", "\"", "<", ">", "&", ": "];
const VOCABULARY = 4_000;

export function word(random: Random, syllables: number): string {
  return Array.from({ length: syllables }, () => SYLLABLES[random.below(SYLLABLES.length)]!).join("");
}

export function prose(random: Random, byteCount: number): Uint8Array {
  const vocabulary = Array.from({ length: VOCABULARY }, () => word(random, 1 + random.below(4)));
  const parts: string[] = [];
  for (let length = 0; length < byteCount; ) {
    // The product of two draws: the first words are common, the last ones rare.
    const picked = random.oneIn(12) ? String(random.below(100_000)) : vocabulary[Math.floor((random.below(VOCABULARY) * random.below(VOCABULARY)) / VOCABULARY)]!;
    const shown = random.oneIn(8) ? picked[0]!.toUpperCase() + picked.slice(1) : picked;
    const part = shown + SEPARATORS[random.below(SEPARATORS.length)]!;
    parts.push(part);
    length += part.length;
  }
  return new TextEncoder().encode(parts.join("").slice(0, byteCount));
}
