/**
 * Names of rules and signatures as two words each, so that a Worker can tell what a new policy kept of the old one
 * without holding texts.
 */

/** Two 32-bit words of `text` (cyrb53, public domain); equal texts have equal words. */
export function identityOf(text: string): readonly [number, number] {
  let a = 0xdeadbeef | 0;
  let b = 0x41c6ce57 | 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return [a | 0, b | 0];
}
