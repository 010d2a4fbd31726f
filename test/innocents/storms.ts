/** Hostile packets beside a crowd: as from its clients, by a pod that is not theirs and by a machine beyond the uplink. */
import { compile } from "../lab/compile.ts";
import type { Namespace, Station } from "../lab/mod.ts";

/** Every kind that adversary.c knows. */
const ALL_KINDS = "rst,syn,data,overlap,lowttl,badsum,malformed,fragment";

export interface Storm {
  /** Who sends. */
  readonly by: Station;
  /** Ethernet address of the next hop. */
  readonly mac: string;
  /** Whose packets they pretend to be, at which ports; to whom. */
  readonly source: string;
  readonly ports: readonly [first: number, last: number];
  readonly target: string;
  readonly port: number;
}

/** Sends `count` packets, `rate` a second at most, and says how many left. */
export async function storm({ by, mac, source, ports, target, port }: Storm, count: number, rate: number, seed: number, kinds = ALL_KINDS): Promise<number> {
  const program = compile("adversary", by.namespace.lab.directory);
  const words = [by.device, mac, source, ...ports, target, port, count, rate, seed, kinds].map(String);
  const { stdout } = await by.run(["nice", program, "storm", ...words], { timeoutMs: 60_000 + (count / rate) * 3_000 });
  return Number(/sent (\d+)/.exec(stdout)?.[1] ?? 0);
}

export async function macOf(namespace: Namespace, device: string): Promise<string> {
  const { stdout } = await namespace.run(["ip", "-json", "link", "show", "dev", device]);
  return (JSON.parse(stdout) as { address: string }[])[0]!.address;
}
