/**
 * Interfaces of which only one direction can be seen. Under eBPF host routing (bpf_redirect_peer, netkit) packets for a
 * pod skip the host's side of its interface: the kernel's own counters of that side stand still in that direction,
 * while connections through it prove that packets go both ways. Pure.
 */

/** Packets since the interface came, as the kernel counts them on the host's side. */
export interface InterfaceCounts {
  readonly name: string;
  readonly fromPod: number;
  readonly toPod: number;
}

/** A TCP connection of a pod behind an interface: packets seen anywhere, by who sent them. */
export interface SeenConnection {
  readonly fromPod: number;
  readonly toPod: number;
  readonly isEstablished: boolean;
}

/** Fewer say nothing: a pod that has just begun, a few ARP answers. */
const ENOUGH_PACKETS = 50;
/** Neighbour discovery goes by the host's side all the same. */
const NEARLY_NOTHING = 0.05;

/** What has passed since; an interface of the same name that counts less is another one. */
export function countsSince(now: InterfaceCounts, before: InterfaceCounts | undefined): InterfaceCounts {
  if (before === undefined || now.fromPod < before.fromPod || now.toPod < before.toPod) return now;
  return { name: now.name, fromPod: now.fromPod - before.fromPod, toPod: now.toPod - before.toPod };
}

/** Whether a direction is missing by the counters; what that means the connections must say. */
export function directionsOf({ fromPod, toPod }: InterfaceCounts): "TooFew" | "Both" | "One" {
  if (fromPod + toPod < ENOUGH_PACKETS) return "TooFew";
  return Math.min(fromPod, toPod) <= NEARLY_NOTHING * Math.max(fromPod, toPod) ? "One" : "Both";
}

/** A pod may well send and hear nothing (UDP): only an established connection has packets both ways. */
export function isHalfBlind(counts: InterfaceCounts, connections: readonly SeenConnection[]): boolean {
  if (directionsOf(counts) !== "One") return false;
  const shown = Math.min(counts.fromPod, counts.toPod);
  return connections.some(({ fromPod, toPod, isEstablished }) => {
    const missing = counts.toPod < counts.fromPod ? toPod : fromPod;
    return isEstablished && (missing > shown || fromPod + toPod >= ENOUGH_PACKETS);
  });
}

/** /proc/net/dev: of the host's side what it received came from the pod. */
export function parseInterfaceCounts(text: string): InterfaceCounts[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*([^:\s]+):\s*(.+)$/.exec(line);
    const fields = match?.[2]!.trim().split(/\s+/).map(Number) ?? [];
    return match === null || fields.length < 16 ? [] : [{ name: match[1]!, fromPod: fields[1]!, toPod: fields[9]! }];
  });
}
