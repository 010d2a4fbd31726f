import type { Cursor } from "./cursor.ts";
import type { Packet } from "./packet.ts";
import { DecodeReason } from "./reason.ts";
export class FragmentBuffers {
  insert(_packet: Packet, _cursor: Cursor): number {
    return DecodeReason.FragmentRefused;
  }
}
