/** Names of network interfaces and globs over them in a schema; `values/interfaceGlob.ts` says what a glob covers. */
import { checkedText } from "./checkedText.ts";

/** Linux IFNAMSIZ is 16 with its final zero; a glob may be longer than the names that it matches. */
const MAX_PATTERN_LENGTH = 32;

const EXPECTED_CHARACTERS = "a name that Linux accepts, without / or : or blanks";
const EXPECTED_LENGTH = "at most 15 characters beside its * signs";

export const interfacePattern = checkedText({
  noun: "an interface name",
  expected: "a name or glob such as eth0 or veth*, at most 15 characters beside its * signs",
  maxLength: MAX_PATTERN_LENGTH,
  pattern: /^[!-.0-~]+$/,
  complaint: (text) => {
    if (text === "." || text === ".." || text.includes(":")) return EXPECTED_CHARACTERS;
    return text.replaceAll("*", "").length > 15 ? EXPECTED_LENGTH : undefined;
  },
  cel: [
    { rule: "self != '.' && self != '..' && !self.contains(':')", expected: EXPECTED_CHARACTERS },
    { rule: "self.replace('*', '').size() <= 15", expected: EXPECTED_LENGTH },
  ],
});
