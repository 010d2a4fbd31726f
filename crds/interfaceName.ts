/** Names of network interfaces and globs over them in a schema; `values/interfaceGlob.ts` says what a glob covers. */
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
