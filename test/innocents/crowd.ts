/** The crowd of connections (the program in crowd/): told where to connect, it says what became of everybody. */
import { compile } from "../lab/compile.ts";
import type { Lab, LabProcess } from "../lab/mod.ts";
import { until } from "../lab/mod.ts";

export interface Route {
  readonly name: string;
  /** Network namespace of the clients. */
  readonly netns: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Source ports that are used in turn; any where absent. */
  readonly ports?: readonly [first: number, last: number];
  readonly weight: number;
  /** Connections after which the namespace is let go; as many as come where absent. */
  readonly budget?: number;
  readonly closer?: "client" | "server";
}

/** A connection that said the forbidden text: its tuple at the client and as the server saw it, its numbers just before. */
export interface Attack {
  readonly id: number;
  readonly from: string;
  readonly port: number;
  readonly to: string;
  readonly toPort: number;
  readonly seenFrom: string;
  readonly seenPort: number;
  readonly clientNext: number;
  readonly serverNext: number;
}

export interface Progress {
  readonly innocents: number;
  readonly attacks: number;
  readonly cut: number;
  readonly failures: number;
}

export interface CrowdOptions {
  readonly inFlight: number;
  /** Connections a second at most. */
  readonly rate: number;
  /** One of so many is an attack; 0: none. */
  readonly attackEvery: number;
  readonly seed: number;
}

export class Crowd {
  readonly attacks: Attack[] = [];
  /** Each dead innocent and each surviving attack, by name; the first fifty of both. */
  readonly failures: string[] = [];
  progress: Progress = { innocents: 0, attacks: 0, cut: 0, failures: 0 };
  /** Set at the end: exchanges of the steady connections. */
  steadyExchanges: number | undefined;
  readonly process: LabProcess;
  readonly #done = new Set<string>();

  private constructor(child: LabProcess) {
    this.process = child;
    child.onLine = (line) => this.#onLine(line);
  }

  static async start(lab: Lab, { inFlight, rate, attackEvery, seed }: CrowdOptions): Promise<Crowd> {
    // Who makes the load gives way to who is under test: on a machine with a core to spare nothing would be changed.
    const child = lab.start(["nice", compile("crowd", lab.directory, import.meta.dirname), String(inFlight), String(rate), String(attackEvery), String(seed)]);
    const crowd = new Crowd(child);
    await child.waitForOutput(/^ready$/m);
    return crowd;
  }

  listen(netns: string, address: string, port: number): void {
    this.process.write(`listen ${netns} ${address} ${port}\n`);
  }

  route({ name, netns, from, to, port, ports: [first, last] = [0, 0], weight, budget = 0, closer = "server" }: Route): void {
    this.#done.delete(name);
    this.process.write(`route ${name} ${netns} ${from} ${to} ${port} ${first} ${last} ${weight} ${budget} ${closer}\n`);
  }

  /** Connections of the route that go on until the end. */
  steady(count: number, route: string): void {
    this.process.write(`steady ${count} ${route}\n`);
  }

  /** Connections a second at most, from now on. */
  pace(rate: number): void {
    this.process.write(`rate ${rate}\n`);
  }

  go(innocents: number): void {
    this.process.write(`go ${innocents}\n`);
  }

  /** The budget of that route is used up and its last connection over; false where the whole crowd was first. */
  async routeDone(name: string, timeoutMs: number): Promise<boolean> {
    await until(`the end of ${name}`, () => this.#done.has(name) || this.isOver, timeoutMs, 20);
    return this.#done.has(name);
  }

  get isOver(): boolean {
    return this.steadyExchanges !== undefined || this.process.exit !== undefined;
  }

  #onLine(line: string): void {
    const [word, ...rest] = line.split(" ");
    switch (word) {
      case "attack": {
        const [id, from, port, to, toPort, seenFrom, seenPort, clientNext, serverNext] = rest as [string, string, string, string, string, string, string, string, string];
        this.attacks.push({ id: Number(id), from, port: Number(port), to, toPort: Number(toPort), seenFrom, seenPort: Number(seenPort), clientNext: Number(clientNext), serverNext: Number(serverNext) });
        break;
      }
      case "failure":
        this.failures.push(rest.join(" "));
        break;
      case "done":
        this.#done.add(rest[0]!);
        break;
      case "progress":
      case "end": {
        const [innocents, attacks, cut, failures, exchanges] = rest.map(Number) as [number, number, number, number, number?];
        this.progress = { innocents, attacks, cut, failures };
        if (word === "end") this.steadyExchanges = exchanges!;
      }
    }
  }
}
