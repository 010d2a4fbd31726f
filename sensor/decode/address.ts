/** Addresses as four signed big-endian words (IPv4 mapped) and as text. Not for the packet path: these allocate. */

/** Text of an address: dotted for IPv4, RFC 5952 for IPv6. */
export function formatAddress(word0: number, word1: number, word2: number, word3: number): string {
  if (isIpv4(word0, word1, word2)) {
    return `${word3 >>> 24}.${(word3 >>> 16) & 255}.${(word3 >>> 8) & 255}.${word3 & 255}`;
  }
  const groups: number[] = [];
  for (const word of [word0, word1, word2, word3]) groups.push(word >>> 16, word & 0xffff);
  const gap = longestZeroRun(groups);
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return gap.length < 2 ? text(0, 8) : `${text(0, gap.start)}::${text(gap.start + gap.length, 8)}`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(word0: number, word1: number, word2: number, word3: number, port: number): string {
  const address = formatAddress(word0, word1, word2, word3);
  return isIpv4(word0, word1, word2) ? `${address}:${port}` : `[${address}]:${port}`;
}

/** True for an IPv4 address in mapped form. */
export function isIpv4(word0: number, word1: number, word2: number): boolean {
  return word0 === 0 && word1 === 0 && word2 === 0xffff;
}

/** RFC 5952 section 4.2.3: the longest run, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  const best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - start > best.length) Object.assign(best, { start, length: index - start });
    start = index + 1;
  }
  return best;
}

/** Four signed words, or null where `text` is no address. Zones, octal and short forms are refused. */
export function parseAddress(text: string): Int32Array | null {
  if (!text.includes(":")) {
    const word = parseDotted(text);
    return word === null ? null : Int32Array.of(0, 0, 0xffff, word);
  }
  return parseColons(text);
}

function parseDotted(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let word = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    word = (word << 8) | Number(part);
  }
  return word;
}

function parseColons(text: string): Int32Array | null {
  let plain = text;
  const lastColon = text.lastIndexOf(":");
  if (text.includes(".", lastColon)) {
    const word = parseDotted(text.slice(lastColon + 1));
    if (word === null) return null;
    plain = `${text.slice(0, lastColon + 1)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const halves = plain.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const words = new Int32Array(4);
  for (let index = 0; index < 4; index++) words[index] = (groups[index * 2]! << 16) | groups[index * 2 + 1]!;
  return words;
}

function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}
