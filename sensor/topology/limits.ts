/** What the tables of this room hold at most; what is beyond is refused and counted. */

/** Interfaces that are followed: a node runs at most some hundred pods. */
export const INTERFACE_LIMIT = 8_192;
/** Neighbours, and forwarding entries of bridges, each. */
export const NEIGHBOUR_LIMIT = 65_536;
/** Routes; a node that carries the routes of the Internet has more, of which none leads to a pod. */
export const ROUTE_LIMIT = 131_072;
/** Addresses with a home: pods' and the machine's own. */
export const HOME_LIMIT = 16_384;
/** Addresses of this machine. */
export const LOCAL_ADDRESS_LIMIT = 16_384;
