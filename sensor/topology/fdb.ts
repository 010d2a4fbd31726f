/**
 * RTM_NEWNEIGH and RTM_DELNEIGH of family AF_BRIDGE: behind which port of a bridge a hardware address lives, or to
 * which machine a tunnel sends it (bridge(8), fdb).
 */
import { AddressFamily, LITTLE_ENDIAN, readAddress, readAttributes, readHex, readU32 } from "./netlink.ts";
import type { Span } from "./netlink.ts";
import { NEIGHBOUR_HEADER_BYTES, NeighbourAttribute } from "./neighbour.ts";

export interface ForwardingEntry {
  /** The port. */
  readonly interfaceIndex: number;
  /** The bridge; 0 for an entry of the device itself. */
  readonly bridge: number;
  readonly hardwareAddress: string;
  /** The far machine of a tunnel's entry. */
  readonly remote: Int32Array | undefined;
}

/** Undefined where the message is damaged or of another family. */
export function parseForwardingEntry(body: Span): ForwardingEntry | undefined {
  if (body.length < NEIGHBOUR_HEADER_BYTES || body.view.getUint8(body.offset) !== AddressFamily.Bridge) return undefined;
  const attributes = readAttributes(body, NEIGHBOUR_HEADER_BYTES);
  const interfaceIndex = body.view.getInt32(body.offset + 4, LITTLE_ENDIAN);
  if (attributes === undefined || interfaceIndex <= 0) return undefined;
  const hardwareAddress = readHex(attributes.get(NeighbourAttribute.HardwareAddress));
  if (hardwareAddress.length !== 12) return undefined;
  return {
    interfaceIndex,
    bridge: readU32(attributes.get(NeighbourAttribute.Master), 0),
    hardwareAddress,
    remote: readAddress(attributes.get(NeighbourAttribute.Destination)),
  };
}
