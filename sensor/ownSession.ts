/**
 * The ssh session of whoever started us: never reset. sudo takes SSH_CONNECTION out of the environment, so the
 * environments of our parents are asked too.
 */
import { readFileSync } from "node:fs";
import type { ProtectedConnection } from "./decide/mod.ts";

/** Parents that are asked at most. */
const MAX_GENERATIONS = 32;

/** `CLIENT_IP CLIENT_PORT SERVER_IP SERVER_PORT` as sshd sets it. */
export function parseSshConnection(text: string): ProtectedConnection | undefined {
  const [clientIp, clientPort, serverIp, serverPort] = text.trim().split(/\s+/);
  const ports = [Number(clientPort), Number(serverPort)];
  if (clientIp === undefined || serverIp === undefined || ports.some((port) => !(port > 0 && port < 65_536))) return undefined;
  return { client: { ip: bare(clientIp), port: ports[0]! }, server: { ip: bare(serverIp), port: ports[1]! } };
}

/** Every ssh session found on the way from `pid` up to init. */
export function ownSessions(pid: number, environmentOf = readEnvironment, parentOf = readParent): ProtectedConnection[] {
  const found = new Map<string, ProtectedConnection>();
  for (let generation = 0; generation < MAX_GENERATIONS && pid > 1; generation++, pid = parentOf(pid)) {
    const value = environmentOf(pid).find((variable) => variable.startsWith("SSH_CONNECTION="));
    const session = value === undefined ? undefined : parseSshConnection(value.slice("SSH_CONNECTION=".length));
    if (session !== undefined) found.set(JSON.stringify(session), session);
  }
  return [...found.values()];
}

/** A link-local address may carry its interface: `fe80::1%eth0`. */
function bare(ip: string): string {
  return ip.replace(/%.*$/, "");
}

function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return [];
  }
}

/** Fourth field of /proc/PID/stat; the second, the name in brackets, may hold anything. */
function readParent(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}
