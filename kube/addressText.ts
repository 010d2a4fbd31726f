/** Addresses in the one spelling in which an API server writes them (`status.podIP`), and is asked for them. */
import { isIP } from "node:net";

/** RFC 5952 for IPv6; undefined where the text is no address, or one of a zone. */
export function addressText(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes("%")) return undefined;
  return family === 4 ? text : new URL(`http://[${text}]`).hostname.slice(1, -1);
}
