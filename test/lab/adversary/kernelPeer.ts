/** Ends of connections with Multipath TCP or TCP-MD5, held by `peer.c`. */
import { compile } from "../compile.ts";
import type { Station } from "../network.ts";
import type { LabProcess } from "../process.ts";

export type Kind = "mptcp" | "md5";

export interface KernelPair {
  readonly client: LabProcess;
  readonly server: LabProcess;
  readonly clientPort: number;
}

/** A connection of that kind, established. */
export async function connectKind(kind: Kind, client: Station, server: Station, port: number): Promise<KernelPair> {
  const program = compile("peer", client.namespace.lab.directory);
  const listening = server.start([program, "listen", kind, server.ipv4, String(port), client.ipv4]);
  await listening.waitForOutput(/^ready$/m);
  const connecting = client.start([program, "connect", kind, server.ipv4, String(port)]);
  const [, clientPort] = await connecting.waitForOutput(/^connected (\d+)$/m);
  await listening.waitForOutput(/^connected/m);
  return { client: connecting, server: listening, clientPort: Number(clientPort) };
}
