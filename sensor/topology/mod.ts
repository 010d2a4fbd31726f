/**
 * The machine's interfaces: which there are, of which kind, and which address lives behind which.
 *
 * **Invariant:** an address is at home behind an interface only where the kernel itself would send a packet for it
 * there, by its own tables. What is not known is 0, never a guess. With host routes, or with CAP_NET_ADMIN (which lets
 * us ask for the addresses inside the pods' namespaces), no pod can claim its neighbour's address by what it sends; on
 * a bridge without that right the node's neighbour table is what we have, and ARP can poison it. Needs no right else:
 * rtnetlink tells everybody.
 *
 * It must not know: packets, flows, policies. The main thread holds a Topology, every Worker a HomesReader of its memory.
 */
export { createHomes, HomesReader, HomesWriter } from "./homes.ts";
export type { NetworkInterface } from "./interfaces.ts";
export { InterfaceKind } from "./kind.ts";
export type { InterfaceKindName } from "./kind.ts";
export type { Placement, PodHome } from "./placement.ts";
export { Topology } from "./topology.ts";
export type { TopologyOptions, TopologyStatistics } from "./topology.ts";
