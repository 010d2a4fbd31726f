/** The peer: tcpkill of dsniff at its greediest, told the connection's port before the trigger. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Network, Station } from "../lab/mod.ts";
import type { Cell } from "./cells.ts";
import { drive } from "./driver.ts";

const CONNECTIONS = 10;

/** Percent of connections that died at both ends within two seconds. */
export async function tcpkill(network: Network, server: Station, { kind, answerMicroseconds }: Cell, port: number): Promise<number> {
  const { lab, node, devices } = network;
  const killer = join(lab.directory, "tcpkill.sh");
  writeFileSync(killer, `exec nsenter --net=/run/netns/${node.name} tcpkill -9 -i ${devices.bridge} port "$1" >/dev/null 2>&1\n`);
  chmodSync(killer, 0o755);
  const { connections } = await drive({
    client: network.client, server, address: server.ipv4, port, kind, count: CONNECTIONS, killer,
    ...(answerMicroseconds === undefined ? {} : { answerMicroseconds }),
  });
  return (100 * connections.filter(({ clientDied, serverDied }) => clientDied && serverDied).length) / CONNECTIONS;
}
