/** Other traffic: conversations at a steady rate between two pods, which no kernel's socket holds (load.c). */
import type { LabProcess, Network } from "../lab/mod.ts";
import { benchProgram } from "./driver.ts";

export const LOAD_CONNECTIONS = 1_000;
export const LOAD_PAYLOAD_BYTES = 200;
/** Of the server's side; both pods' kernels drop what comes by it. */
const PORT = 8_080;

/** Before the first load of a network. */
export async function dropLoad({ client, server }: Network): Promise<void> {
  const rules = ["sport", "dport"].map((side) => `add rule ip bench in tcp ${side} ${PORT} drop`).join("; ");
  for (const { namespace } of [client, server]) {
    await namespace.shell(`nft 'add table ip bench; add chain ip bench in { type filter hook prerouting priority -300; }; ${rules}'`);
  }
}

/** Resolves when every connection is open; ends by itself after so many seconds. */
export async function startLoad({ lab, client, server }: Network, packetsPerSecond: number, seconds: number): Promise<LabProcess> {
  const load = lab.start([
    benchProgram(lab, "load"),
    `/run/netns/${client.namespace.name}`, client.device, `/run/netns/${server.namespace.name}`, server.device,
    String(LOAD_CONNECTIONS), String(packetsPerSecond), String(seconds), String(LOAD_PAYLOAD_BYTES),
  ]);
  await load.waitForOutput(/^ready$/m, 30_000);
  return load;
}
