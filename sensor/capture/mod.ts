/**
 * Packets in and out: the native ring, libpcap, capture files and memory behind one interface, and the sockets that
 * send what inject forged.
 *
 * **Invariant:** a source hands over every frame exactly once, in order, or counts why it did not; the Frame and the
 * bytes behind it are valid only inside `visit`. Nothing here looks into a packet further than its link header.
 *
 * It must not know: flows, policies, findings. It imports types and the Frame of decode, and the native addon.
 */
export { readCapture } from "./captureFile.ts";
export type { CaptureFileSummary } from "./captureFile.ts";
export { CaptureFileError } from "./captureFileError.ts";
export { CaptureError, hasNetRaw } from "./error.ts";
export { compileFilter } from "./filter.ts";
export type { CaptureFilter, PodAddress } from "./filter.ts";
export { LibpcapSource, openLibpcap } from "./libpcap.ts";
export type { LibpcapInterface, LibpcapOptions } from "./libpcap.ts";
export { MemorySink, MemorySource } from "./memory.ts";
export type { MemoryFrame, SentPacket } from "./memory.ts";
export { PcapngWriter } from "./pcapngWriter.ts";
export type { PcapngWriterOptions } from "./pcapngWriter.ts";
export { closeWakeHandle, openRing, openWakeHandle, wake } from "./ring.ts";
export type { RingOptions } from "./ring.ts";
export { workerOf } from "./share.ts";
export type { LocalPrefix, Share } from "./share.ts";
export { openSink } from "./sink.ts";
export type { SinkOptions } from "./sink.ts";
export { emptyStatistics } from "./source.ts";
export type { CaptureStatistics, OutgoingPackets, PacketSink, PacketSource } from "./source.ts";
