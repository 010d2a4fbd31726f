/**
 * The packet loop over libpcap, in the main thread: for machines where the ring cannot run. libpcap says neither in
 * which direction a packet passed nor which device came first, so homes are not believed in and every reset goes by a
 * raw socket, as routes say.
 */
import { openLibpcap, openSink } from "./capture/mod.ts";
import type { CaptureFilter, LibpcapInterface, LibpcapSource } from "./capture/mod.ts";
import { loadNative } from "./native/mod.ts";
import type { NetworkInterface } from "./topology/mod.ts";
import { PacketLoop } from "./packetLoop.ts";
import { WarmUp } from "./warmUp.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./workerMessages.ts";

/** TCP, what may carry it, and who says that it does not reach its destination. */
const FILTER = "tcp or ip proto 4 or ip proto 41 or proto gre or udp port 4789 or udp port 8472 or udp port 6081 or (ip[6:2] & 0x3fff != 0) or ip6 proto 0 or ip6 proto 43 or ip6 proto 44 or ip6 proto 60 or icmp[0] == 3 or (ip6 proto 58 and ip6[40] == 1) or vlan";

/** Of the rehearsal, between two looks at packets. */
const CONVERSATIONS_A_TURN = 16;

export interface LibpcapLoop {
  postMessage(message: ToWorker): void;
  readonly ended: Promise<void>;
}

/** @param interfaces all there are now; asked again when they change. */
export function startLibpcapLoop(start: WorkerStart, interfaces: () => readonly NetworkInterface[], answer: (message: FromWorker) => void): LibpcapLoop {
  const { realtimeMs } = loadNative();
  let captured = capturedInterfaces(interfaces(), start.filter);
  let source = open(captured);
  const ownStart = { ...start, homes: undefined, route: { interfaceIndex: 0 } };
  const loop = new PacketLoop({
    start: ownStart,
    source: {
      poll: (timeoutMs, visit) => source.poll(timeoutMs, visit),
      statistics: () => source.statistics(),
      wake: () => source.wake(),
      close: () => source.close(),
    },
    sink: openSink(start.injectDevice === "" ? {} : { device: start.injectDevice }),
    clock: realtimeMs,
    answer,
    setFilter: (filter) => {
      const wanted = capturedInterfaces(interfaces(), filter);
      if (JSON.stringify(wanted) === JSON.stringify(captured)) return;
      const old = source;
      source = open(wanted);
      captured = wanted;
      old.close();
    },
  });
  let warmUp: WarmUp | undefined;
  const run = async (): Promise<void> => {
    while (loop.isOpen) {
      const waitMs = loop.turn();
      await source.readable(warmUp === undefined ? waitMs : 0);
      source.poll(0, loop.visit);
      for (let count = 0; count < CONVERSATIONS_A_TURN; count++) warmUp?.play();
      if (warmUp?.isDone !== true) continue;
      warmUp = undefined;
      answer({ kind: "warm" });
    }
    loop.close();
  };
  return {
    postMessage: (message) => {
      if (message.kind === "rehearse") warmUp = new WarmUp(ownStart, message.policies);
      else loop.obey(message);
      source.wake();
    },
    ended: run(),
  };
}

function open(interfaces: readonly LibpcapInterface[]): LibpcapSource {
  return openLibpcap({ interfaces, filter: FILTER });
}

function capturedInterfaces(interfaces: readonly NetworkInterface[], { interfaces: only, excludedInterfaces = [] }: CaptureFilter): LibpcapInterface[] {
  return interfaces
    .filter(({ index, up }) => up && (only === undefined || only.includes(index)) && !excludedInterfaces.includes(index))
    .map(({ name, index }) => ({ name, index }));
}
