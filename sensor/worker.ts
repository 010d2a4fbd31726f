/**
 * The packet Worker: blocks in poll inside the addon and walks the ring; no event loop runs here. Messages from the
 * main thread are taken between two batches, after a wake.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { compileFilter, openRing, openSink } from "./capture/mod.ts";
import { loadNative } from "./native/mod.ts";
import { PacketLoop } from "./packetLoop.ts";
import { WarmUp } from "./warmUp.ts";
import type { ToWorker, WorkerStart } from "./workerMessages.ts";

const start = workerData as WorkerStart;
const port = parentPort!;
const source = openRing({
  filter: compileFilter(start.filter),
  wakeHandle: start.wakeHandle,
  spinMicroseconds: start.busyPollMicroseconds,
});
// Before the loop that is to work: its objects are then of the forms that the compiled code expects.
const warmUp = new WarmUp(start);
const out = openSink(start.injectDevice === "" ? {} : { device: start.injectDevice });
const loop = new PacketLoop({
  start,
  source,
  sink: { send: (outbox) => out.send(outbox), close: () => out.close() },
  clock: loadNative().realtimeMs,
  answer: (message) => port.postMessage(message),
  setFilter: (filter) => source.setFilter(compileFilter(filter)),
});

/** Whoever posts a message wakes the ring; a ring that never waits because packets never end looks all the same. */
const LOOK_EVERY_TURNS = 64;
/** No packet for so long: time to keep the kill path compiled. */
const IDLE_MS = 100;

port.postMessage({ kind: "ready" });
for (let turn = 0; loop.isOpen; turn++) {
  if (source.woken || turn % LOOK_EVERY_TURNS === 0) {
    source.woken = false;
    for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
      loop.obey(received.message as ToWorker);
    }
  }
  const waitMs = loop.turn();
  if (loop.isChasing) source.hurry();
  if (source.poll(waitMs, loop.visit) === 0 && waitMs >= IDLE_MS) warmUp.again();
}
loop.close();
process.exit(0);
