/** Endpoints as people write them: `10.0.0.1`, `10.0.0.1:443`, `10.0.0.0/24`, `[2001:db8::1]:443`, `:443`. */
import { isIP } from "node:net";
import type { Endpoint, ResetEndpoint } from "../sensor/control/mod.ts";

/** Shorter prefixes name too many hosts for one command. */
const SHORTEST_PREFIX = { 4: 24, 6: 64 } as const;
const FORM = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/;

/** Throws what is wrong and how it is written; `option` is named in the message. */
export function parseEndpoint(option: string, text: string): ResetEndpoint {
  const expected = "write IP, IP:PORT, IP/PREFIX or :PORT, with IPv6 in brackets";
  const match = FORM.exec(text);
  if (match === null) {
    const bare = isIP(text.split("/", 1)[0]) === 6 ? `: did you mean [${text}]` : "";
    throw new Error(`Cannot read ${option} ${text}: ${expected}${bare}`);
  }
  const [, bracketed, plain, portText] = match;
  const endpoint: ResetEndpoint = {};
  if (portText !== undefined) endpoint.port = parsePort(option, portText);
  const address = bracketed ?? plain;
  if (address === "" && bracketed === undefined && endpoint.port !== undefined) return endpoint;
  const [ip, prefixText, ...more] = address.split("/");
  const family = isIP(ip);
  if ((family !== 4 && family !== 6) || more.length > 0 || (family === 6) !== (bracketed !== undefined) || ip.includes("%")) {
    throw new Error(`Cannot read ${option} ${text}: ${expected}`);
  }
  if (prefixText === undefined) return { ip, ...endpoint };
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  const longest = family === 4 ? 32 : 128;
  if (!(prefix <= longest)) throw new Error(`Cannot read ${option} ${text}: the prefix is a number up to ${longest}`);
  if (prefix < SHORTEST_PREFIX[family]) {
    throw new Error(`Name fewer hosts with ${option}: a prefix of at least /${SHORTEST_PREFIX[family]}, got /${prefix}`);
  }
  return { cidr: `${ip}/${prefix}`, ...endpoint };
}

/** As it is read by parseEndpoint. */
export function formatEndpoint({ ip, port }: Endpoint): string {
  return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function parsePort(option: string, text: string): number {
  const port = Number(text);
  if (port >= 1 && port <= 65_535) return port;
  throw new Error(`Give ${option} a port from 1 to 65535, got ${text}`);
}
