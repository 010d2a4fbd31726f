/** What an independent observer saw: tcpdump with nanosecond stamps, the trigger and the first RST of each connection. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess, Namespace } from "../lab/mod.ts";

/** RSTs, and payload that begins with "KILL", in that order: a load past the end of a packet refuses it. */
const FILTER = "tcp[tcpflags] & tcp-rst != 0 or tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x4b494c4c";
/** The kernel hands a block that is not full over after a second (pcap's time-out); what lies in it at the end is lost. */
const LAST_BLOCK_MS = 1_500;
const STAMPS = ["-n", "--time-stamp-precision=nano"];

export class Wire {
  readonly #namespace: Namespace;
  readonly #files: readonly string[];
  readonly #processes: readonly LabProcess[];

  private constructor(namespace: Namespace, devices: readonly string[]) {
    this.#namespace = namespace;
    this.#files = devices.map((device) => join(namespace.lab.directory, `wire-${device}-${Date.now()}.pcap`));
    // One an interface: on "any" the kernel takes frames of packet sockets for headless. Not in immediate mode: it reads
    // when it likes, the stamps are the kernel's.
    this.#processes = devices.map((device, number) => namespace.start(["tcpdump", "-i", device, "-s", "96", ...STAMPS, "-w", this.#files[number]!, FILTER]));
  }

  static async watch(namespace: Namespace, devices: readonly string[]): Promise<Wire> {
    const wire = new Wire(namespace, devices);
    for (const process of wire.#processes) await process.waitForOutput(/listening on/);
    return wire;
  }

  /** Microseconds from the trigger to the first RST, of every connection to that port that had both. */
  async reactions(serverPort: number): Promise<number[]> {
    await sleep(LAST_BLOCK_MS);
    const triggers = new Map<number, number>();
    const resets = new Map<number, number>();
    for (const process of this.#processes) await process.stop("SIGINT");
    for (const file of this.#files) {
      const { stdout } = await this.#namespace.run(["tcpdump", "-r", file, "-tt", ...STAMPS], { timeoutMs: 60_000 });
      for (const line of stdout.split("\n")) {
        const found = /^\d*(\d{4})\.(\d{9}) .*?\.(\d+) > \S+?\.(\d+): Flags \[([^\]]+)\]/.exec(line);
        if (found === null) continue;
        const [seconds, nanoseconds, source, destination] = found.slice(1, 5).map(Number) as [number, number, number, number];
        if (source !== serverPort && destination !== serverPort) continue;
        const port = source === serverPort ? destination : source;
        const seen = found[5]!.includes("R") ? resets : triggers;
        seen.set(port, Math.min(seen.get(port) ?? Infinity, seconds * 1e6 + nanoseconds / 1e3));
      }
    }
    return [...triggers].flatMap(([port, at]) => (resets.has(port) ? [resets.get(port)! - at] : []));
  }
}
