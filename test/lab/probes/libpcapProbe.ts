/** Captures with libpcap on an interface given as JSON, for capture.test.ts: prints each frame, until it is killed. */
import { type LibpcapInterface, openLibpcap } from "../../../sensor/capture/mod.ts";

const source = openLibpcap({ interfaces: [JSON.parse(process.argv[2]) as LibpcapInterface], filter: "tcp" });
console.log(JSON.stringify({ event: "ready" }));
for (;;) {
  await source.readable(-1);
  source.poll(0, ({ bytes, offset, capturedLength, wireLength, interfaceIndex, direction, linkType }) => {
    const hex = Buffer.from(bytes.subarray(offset, offset + Math.min(64, capturedLength))).toString("hex");
    console.log(JSON.stringify({ event: "frame", frame: { bytes: hex, wireLength, interfaceIndex, direction, linkType } }));
  });
}
