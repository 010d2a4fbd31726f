/** Sees every RST that passes any interface of the nodes, with tcpdump: it knows nothing of the sensor. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { until } from "../../lab/mod.ts";
import type { ClusterNode } from "../mod.ts";

export interface SeenReset {
  readonly node: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  readonly line: string;
}

export class Witness implements AsyncDisposable {
  readonly #nodes: readonly ClusterNode[];
  readonly #name: string;

  private constructor(nodes: readonly ClusterNode[], name: string) {
    this.#nodes = nodes;
    this.#name = name;
  }

  /** @param filter which packets, in tcpdump's words: "port 8080" */
  static async start(nodes: readonly ClusterNode[], filter: string): Promise<Witness> {
    const witness = new Witness(nodes, `witness-${randomUUID().slice(0, 8)}`);
    await Promise.all(nodes.map((node) => node.start(witness.#name, ["tcpdump", "-i", "any", "--immediate-mode", "-l", "-nn", "-tt", `tcp[tcpflags] & tcp-rst != 0 and (${filter})`])));
    await until("the witnesses to listen", () => nodes.every((node) => /listening on/.test(witness.#said(node))));
    return witness;
  }

  /** So far, in order of time; one that passes several interfaces is seen at each. */
  seen(): SeenReset[] {
    const seen = this.#nodes.flatMap((node) =>
      [...this.#said(node).matchAll(/^(\d+\.\d+) .*$/gm)].map(([line, seconds]) => ({ node: node.name, atMs: Number(seconds) * 1_000, line })),
    );
    return seen.sort((a, b) => a.atMs - b.atMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop(this.#name)));
  }

  #said(node: ClusterNode): string {
    return readFileSync(`${node.state.folder}/var/log/${this.#name}.log`, "utf8");
  }
}
