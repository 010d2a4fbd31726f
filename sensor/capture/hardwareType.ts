/** From an interface's hardware type (ARPHRD_, linux/if_arp.h) to the pcap link type of its frames. */
import { LinkType } from "../decode/mod.ts";

export const HardwareType = {
  Ethernet: 1,
  Ppp: 512,
  RawIp: 519,
  Tunnel: 768,
  Tunnel6: 769,
  Loopback: 772,
  Sit: 776,
  IpGre: 778,
  Ip6Gre: 823,
  None: 0xfffe,
} as const;

/** A link type that no capture file knows: decode counts it and goes on. */
const UNKNOWN_LINK_TYPE = 0xffff;

/** Interfaces without a link header show their packets from the IP header on. */
export function linkTypeOf(hardwareType: number): number {
  switch (hardwareType) {
    case HardwareType.Ethernet:
    case HardwareType.Loopback:
      return LinkType.Ethernet;
    case HardwareType.None:
    case HardwareType.RawIp:
    case HardwareType.Tunnel:
    case HardwareType.Tunnel6:
    case HardwareType.Sit:
    case HardwareType.IpGre:
    case HardwareType.Ip6Gre:
    case HardwareType.Ppp:
      return LinkType.Raw;
    default:
      return UNKNOWN_LINK_TYPE;
  }
}
