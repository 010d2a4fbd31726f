/** Who forged which RST, seen from beside: the RSTs of a namespace's interfaces that bear a sensor's mark. */
import { compile } from "../compile.ts";
import type { Namespace } from "../namespace.ts";
import type { LabProcess } from "../process.ts";
import { until } from "../wait.ts";

export interface MarkedReset {
  /** Nanoseconds of the realtime clock. */
  readonly atNs: number;
  readonly interfaceIndex: number;
  readonly outgoing: boolean;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly seq: number;
}

export interface Testimony {
  /** RSTs of anybody. */
  readonly seen: number;
  readonly marked: number;
  /** RSTs that the witness was too slow for: where this is not 0 it proves nothing. */
  readonly lost: number;
}

export class Witness {
  readonly resets: MarkedReset[] = [];
  readonly #process: LabProcess;

  private constructor(namespace: Namespace, key: string) {
    this.#process = namespace.start([compile("witness", namespace.lab.directory), key]);
    this.#process.onLine = (line) => {
      const [word, atNs, index, direction, src, sport, dst, dport, seq] = line.split(" ");
      if (word !== "rst") return;
      this.resets.push({ atNs: Number(atNs), interfaceIndex: Number(index), outgoing: direction === "out", src: src!, sport: Number(sport), dst: dst!, dport: Number(dport), seq: Number(seq) });
    };
  }

  /** @param key 16 hexadecimal digits, as in the sensor's --mark-key-file */
  static async start(namespace: Namespace, key: string): Promise<Witness> {
    const witness = new Witness(namespace, key);
    await witness.#process.waitForOutput(/^ready$/m);
    return witness;
  }

  /** RSTs of connections at which either end has that port. */
  of(port: number): MarkedReset[] {
    return this.resets.filter(({ sport, dport }) => sport === port || dport === port);
  }

  /** Ends it. */
  async testify(): Promise<Testimony> {
    this.#process.child.stdin!.end();
    await this.#process.exited;
    const [, seen, marked, lost] = await until("the testimony", () => /seen (\d+) marked (\d+) lost (\d+)/.exec(this.#process.stdout.slice(-200)));
    return { seen: Number(seen), marked: Number(marked), lost: Number(lost) };
  }
}
