/**
 * The classic capture file (draft-ietf-opsawg-pcap): microseconds or nanoseconds, either byte order.
 * 24 bytes of file header, then 16 bytes of record header and the packet, again and again.
 */
import { ChecksumState, Frame, LinkType, PacketDirection } from "../decode/mod.ts";
import { MAX_RECORD_BYTES } from "./byteWindow.ts";
import type { ByteWindow } from "./byteWindow.ts";
import { CaptureFileError } from "./captureFileError.ts";

export type VisitFrame = (frame: Frame) => void;

/** Reads the records of one format out of a window. */
export interface RecordReader {
  /** Visits every whole record; what is left in the window is the begin of another. CaptureFileError where it is damaged. */
  read(window: ByteWindow, visit: VisitFrame): void;
  /** What the bytes that are left at the end of the file should have been. */
  readonly awaited: string;
}

export const PcapMagic = { Microseconds: 0xa1b2c3d4, Nanoseconds: 0xa1b23c4d } as const;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

export class PcapReader implements RecordReader {
  awaited = "the file header";
  readonly #frame = fileFrame();
  readonly #littleEndian: boolean;
  readonly #ticksPerMs: number;
  #started = false;

  constructor(littleEndian: boolean, magic: number) {
    this.#littleEndian = littleEndian;
    this.#ticksPerMs = magic === PcapMagic.Nanoseconds ? 1e6 : 1e3;
  }

  read(window: ByteWindow, visit: VisitFrame): void {
    const little = this.#littleEndian;
    const frame = this.#frame;
    const view = window.view;
    if (!this.#started) {
      if (window.length < FILE_HEADER_BYTES) return;
      const major = view.getUint16(window.start + 4, little);
      if (major !== 2) throw new CaptureFileError(`Give a pcap file of version 2: version ${major}`, window.offset + 4);
      // The upper bits say how many bytes of frame check sequence follow each packet.
      frame.linkType = fileLinkType(view.getUint32(window.start + 20, little) & 0xffff);
      window.take(FILE_HEADER_BYTES);
      this.#started = true;
      this.awaited = "a packet record";
    }
    frame.bytes = window.bytes;
    while (window.length >= RECORD_HEADER_BYTES) {
      const at = window.start;
      const capturedLength = view.getUint32(at + 8, little);
      if (capturedLength > MAX_RECORD_BYTES) {
        throw new CaptureFileError(`Capture again, the file is damaged: a packet of ${capturedLength} bytes`, window.offset);
      }
      if (window.length < RECORD_HEADER_BYTES + capturedLength) return;
      frame.timestampMs = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / this.#ticksPerMs;
      frame.offset = at + RECORD_HEADER_BYTES;
      frame.capturedLength = capturedLength;
      frame.wireLength = Math.max(capturedLength, view.getUint32(at + 12, little));
      visit(frame);
      window.take(RECORD_HEADER_BYTES + capturedLength);
    }
  }
}

/** A frame of which nobody says more than its bytes. */
export function fileFrame(): Frame {
  const frame = new Frame();
  frame.interfaceIndex = 1;
  frame.direction = PacketDirection.Host;
  frame.checksum = ChecksumState.Unknown;
  frame.vlanTci = -1;
  return frame;
}

/** Old systems wrote their own number (DLT_RAW) for raw IP. */
export function fileLinkType(number: number): number {
  return number === 12 || number === 14 ? LinkType.Raw : number;
}
