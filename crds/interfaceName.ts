/** Names of network interfaces, or globs over them: `*` is any run of characters, `?` any one. */
import { checkedText } from "./checkedText.ts";

/** Linux IFNAMSIZ is 16 with its final zero; a glob may be longer than the names that it matches. */
const MAX_PATTERN_LENGTH = 32;

export const interfacePattern = checkedText({
  noun: "an interface name",
  expected: "a name or glob such as eth0 or veth*, at most 15 characters beside its * signs",
  maxLength: MAX_PATTERN_LENGTH,
  pattern: /^[!-.0-~]+$/,
  complaint: (text) => {
    if (text === "." || text === ".." || text.includes(":")) return "a name that Linux accepts, without / or : or blanks";
    return text.replaceAll("*", "").length > 15 ? "at most 15 characters beside its * signs" : undefined;
  },
});

/** Whether a glob covers an interface's whole name. Linear in their product, whatever the pattern. */
export function interfaceMatches(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < name.length) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at++;
      resume = index;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
