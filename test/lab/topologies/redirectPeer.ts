/**
 * Pods behind routed veths whose incoming packets skip the host's side of the veth (bpf_redirect_peer), as under
 * Cilium's eBPF host routing: of a pod only what it sends shows there. What comes from outside shows on the uplink.
 */
import type { Lab } from "../lab.ts";
import type { Network, Station } from "../network.ts";
import { pointToPoint } from "./pointToPoint.ts";

/** Why this machine cannot have it, or undefined. */
export function redirectPeerUnsupported(lab: Lab): string | undefined {
  return lab.isRealRoot ? undefined : "Run as root to load eBPF programs: a user namespace may not";
}

/** @throws with the kernel's words where it has no TCX (before 6.6) or refuses the program. */
export async function redirectPeer(lab: Lab): Promise<Network> {
  const unsupported = redirectPeerUnsupported(lab);
  if (unsupported !== undefined) throw new Error(unsupported);
  const network = await pointToPoint(lab);
  const { client, server } = network;
  await lab.startProgram("redirect_peer", [
    "node",
    ...into(client, server.nodeDevice), ...into(server, client.nodeDevice),
    ...into(client, "up0"), ...into(server, "up0"),
  ]);
  return network;
}

/** What reaches `device` for that pod goes straight into it. */
function into(pod: Station, device: string): string[] {
  return [device, pod.ipv4, pod.nodeDevice, device, pod.ipv6, pod.nodeDevice];
}
