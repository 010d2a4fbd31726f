/** RTM_NEWNEIGH and RTM_DELNEIGH of IPv4 and IPv6: which hardware address an address answers with (linux/neighbour.h). */
import { AddressFamily, LITTLE_ENDIAN, readAddress, readAttributes, readHex } from "./netlink.ts";
import type { Span } from "./netlink.ts";

/** struct ndmsg. */
export const NEIGHBOUR_HEADER_BYTES = 12;

export const NeighbourAttribute = { Destination: 1, HardwareAddress: 2, Master: 9 } as const;

/** NUD_: what the kernel thinks of the entry. */
const State = { Incomplete: 0x01, Failed: 0x20 } as const;

export interface Neighbour {
  readonly interfaceIndex: number;
  readonly words: Int32Array;
  /** Hexadecimal; "" on a link without addresses. */
  readonly hardwareAddress: string;
  /** The neighbour has answered, or someone wrote the entry down for good. */
  readonly known: boolean;
}

/** Undefined where the message is damaged or of another family. */
export function parseNeighbour(body: Span): Neighbour | undefined {
  if (body.length < NEIGHBOUR_HEADER_BYTES) return undefined;
  const family = body.view.getUint8(body.offset);
  if (family !== AddressFamily.Ipv4 && family !== AddressFamily.Ipv6) return undefined;
  const attributes = readAttributes(body, NEIGHBOUR_HEADER_BYTES);
  const words = readAddress(attributes?.get(NeighbourAttribute.Destination));
  const interfaceIndex = body.view.getInt32(body.offset + 4, LITTLE_ENDIAN);
  if (attributes === undefined || words === undefined || interfaceIndex <= 0) return undefined;
  const state = body.view.getUint16(body.offset + 8, LITTLE_ENDIAN);
  return {
    interfaceIndex,
    words,
    hardwareAddress: readHex(attributes.get(NeighbourAttribute.HardwareAddress)),
    known: state !== 0 && (state & (State.Incomplete | State.Failed)) === 0,
  };
}
