/** Sends given packets through the native sink, for capture.test.ts: prints how many left, and the errno of each. */
import { openSink } from "../../../sensor/capture/mod.ts";
import { Outbox, SLOT_BYTES } from "../../../sensor/inject/outbox.ts";

export interface SendOrder {
  hex: string;
  route: number;
  interfaceIndex: number;
}

const orders = JSON.parse(process.argv[2]) as SendOrder[];
const outbox = new Outbox();
for (const { hex, route, interfaceIndex } of orders) {
  const slot = outbox.reserve();
  const bytes = Buffer.from(hex, "hex");
  outbox.bytes.set(bytes, slot * SLOT_BYTES);
  outbox.length[slot] = bytes.length;
  outbox.route[slot] = route;
  outbox.interfaceIndex[slot] = interfaceIndex;
}
const sink = openSink();
const left = sink.send(outbox);
sink.close();
console.log(JSON.stringify({ left, error: [...outbox.error.subarray(0, outbox.count)] }));
