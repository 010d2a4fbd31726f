/**
 * How a forged packet reaches one end. Near end: its own packets come in by an interface of this machine, so a
 * frame put on that interface is there at once and passes nobody's firewall. Everything else goes by a raw IP
 * socket, whose packets the kernel routes, translates and encapsulates like the connection's own, and which closes
 * the conntrack entry on its way.
 */
import { InterfaceKind } from "../flow/mod.ts";
import { Route } from "./outbox.ts";

/** What is known of the interface where an end's own packets were seen. */
export interface Sight {
  /** 0 where none of its packets was seen. */
  readonly interfaceIndex: number;
  /** Its packets come in there, from it: it lies on that side. */
  readonly incoming: boolean;
  readonly kind: number;
}

/** `"near"`: as above. A mirror port shows packets that do not pass this machine: all by raw socket, `interfaceIndex` 0 as routes say. */
export type InjectRoute = "near" | { readonly interfaceIndex: number };

export const Way = { Frame: 0, Raw: 1, None: 2 } as const;

/** The way to an end, and the one to try when the kernel refuses the first. */
export function wayTo(sight: Sight, route: InjectRoute): number {
  if (route !== "near") return Way.Raw;
  if (sight.interfaceIndex === 0 || !sight.incoming) return Way.Raw;
  // Frames on these never meet the machine's own sockets or its NAT.
  if (sight.kind === InterfaceKind.Loopback || sight.kind === InterfaceKind.Uplink) return Way.Raw;
  if (sight.kind === InterfaceKind.Bridge || sight.kind === InterfaceKind.Tunnel) return Way.Raw;
  return Way.Frame;
}

export function otherWayTo(sight: Sight, route: InjectRoute): number {
  if (route !== "near") return Way.None;
  if (wayTo(sight, route) === Way.Frame) return Way.Raw;
  return sight.interfaceIndex !== 0 && sight.incoming ? Way.Frame : Way.None;
}

export function rawRoute(isIpv4: boolean): number {
  return isIpv4 ? Route.Raw4 : Route.Raw6;
}
