/**
 * The packet Worker: blocks in poll inside the addon and walks the ring; no event loop runs here. Messages from the
 * main thread are taken between two batches, after a wake.
 */
import { once } from "node:events";
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { compileFilter, openRing, openSink } from "./capture/mod.ts";
import { loadNative } from "./native/mod.ts";
import { PacketLoop } from "./packetLoop.ts";
import { WarmUp } from "./warmUp.ts";
import type { ToWorker, WorkerStart } from "./workerMessages.ts";

const port = parentPort!;
// The thread starts before anybody knows what is in force (start.ts).
const [start] = (await once(port, "message")) as [WorkerStart];
const source = openRing({
  filter: compileFilter(start.filter),
  wakeHandle: start.wakeHandle,
  spinMicroseconds: start.busyPollMicroseconds,
});
const out = openSink(start.injectDevice === "" ? {} : { device: start.injectDevice });
const loop = new PacketLoop({
  start,
  source,
  sink: { send: (outbox) => out.send(outbox), close: () => out.close() },
  clock: loadNative().realtimeMs,
  answer: (message) => port.postMessage(message),
  setFilter: (filter) => source.setFilter(compileFilter(filter)),
});
let warmUp: WarmUp | undefined;

/** Whoever posts a message wakes the ring; a ring that never waits because packets never end looks all the same. */
const LOOK_EVERY_TURNS = 64;
/** No packet for so long: time to keep the kill path compiled. */
const IDLE_MS = 100;

port.postMessage({ kind: "ready" });
for (let turn = 0; loop.isOpen; turn++) {
  // A slow kill is better than none: packets are taken from the beginning, and the rehearsal goes on between them.
  const rehearsing = warmUp?.isDone === false;
  if (source.woken || rehearsing || turn % LOOK_EVERY_TURNS === 0) {
    source.woken = false;
    for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
      const message = received.message as ToWorker;
      if (message.kind === "rehearse") warmUp = new WarmUp(start, message.policies);
      else loop.obey(message);
    }
  }
  const waitMs = loop.turn();
  if (loop.isChasing) source.hurry();
  const packets = source.poll(rehearsing ? 0 : waitMs, loop.visit);
  if (rehearsing || (packets === 0 && waitMs >= IDLE_MS)) warmUp?.play();
  if (rehearsing && warmUp?.isDone === true) port.postMessage({ kind: "warm" });
}
loop.close();
process.exit(0);
