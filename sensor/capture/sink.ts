/** Sends forged packets by the native addon: one call a batch. */
import { loadNative } from "../native/mod.ts";
import type { Native, SenderHandle } from "../native/mod.ts";
import { captureError } from "./error.ts";
import type { OutgoingPackets, PacketSink } from "./source.ts";

export interface SinkOptions {
  /** Name of the interface that raw IP packets must leave by; absent: as the routing table says. */
  device?: string;
}

/** Opens the sending sockets; they never receive. Needs CAP_NET_RAW (CaptureError otherwise). */
export function openSink(options: SinkOptions = {}): PacketSink {
  const native = loadNative();
  try {
    return new NativeSink(native, options.device ?? "");
  } catch (error) {
    throw captureError(error);
  }
}

class NativeSink implements PacketSink {
  readonly #native: Native;
  readonly #device: string;
  #sender: SenderHandle;

  constructor(native: Native, device: string) {
    this.#native = native;
    this.#device = device;
    this.#sender = native.senderOpen(device);
  }

  /** Where it has gone already, the old sockets stay: what they send is refused and counted, and it may come back. */
  rebind(): void {
    const old = this.#sender;
    try {
      this.#sender = this.#native.senderOpen(this.#device);
    } catch {
      return;
    }
    this.#native.senderClose(old);
  }

  send(outbox: OutgoingPackets): number {
    if (outbox.count === 0) return 0;
    return this.#native.senderSend(
      this.#sender, outbox.bytes, outbox.length, outbox.route, outbox.interfaceIndex, outbox.error,
      outbox.count, outbox.bytes.length / outbox.capacity,
    );
  }

  close(): void {
    this.#native.senderClose(this.#sender);
  }
}
