/** A Reflector against a real API server, with everything between them going wrong. */
import { afterAll, describe, expect, it } from "vitest";
import { sharedApiServer } from "../test/cluster/mod.ts";
import { ALL_FAULTS, type Fault, FaultProxy } from "./faultProxy.fixture.ts";
import { type KubeObject, RESOURCES, Reflector, type ReflectorEvent, keyOf } from "./mod.ts";
import { fastClock, seededRandom } from "./testClock.fixture.ts";

const server = sharedApiServer();
/** The Reflector's time runs so much faster: its back-off of 0.8 to 30 s becomes 4 to 150 ms, its watchdog 450 ms. */
const FASTER = 200;

/** What was told, played again into a map of one's own; complains of what cannot be. */
class Replay {
  readonly objects = new Map<string, KubeObject>();
  readonly complaints: string[] = [];
  events = 0;

  take({ type, object, previous }: ReflectorEvent): void {
    this.events++;
    const key = keyOf(object);
    const known = this.objects.get(key);
    if ((type === "Added") !== (known === undefined)) this.complaints.push(`${type} of ${key}, which was ${known === undefined ? "not there" : "there"}`);
    if (known !== previous) this.complaints.push(`${type} of ${key} after another object than was told`);
    if (type === "Modified" && Number(object.metadata.resourceVersion) <= Number(known?.metadata.resourceVersion)) this.complaints.push(`${key} went back in time`);
    if (type === "Modified" && object.metadata.uid !== known?.metadata.uid) this.complaints.push(`${key} became another object without a Deleted`);
    if (type === "Deleted") this.objects.delete(key);
    else this.objects.set(key, object);
  }
}

/** Somebody else, who creates, changes and deletes without a plan. Part of the objects leave and enter the selection. */
class Others {
  readonly #path: string;
  readonly #random: () => number;
  readonly #alive = new Set<string>();

  constructor(namespace: string, random: () => number) {
    this.#path = `/api/v1/namespaces/${namespace}/configmaps`;
    this.#random = random;
  }

  async change(times: number, longestPauseMs: number): Promise<void> {
    const random = this.#random;
    for (let change = 0; change < times; change++) {
      const name = `c${Math.floor(random() * 60)}`;
      const labels = { chosen: random() < 0.8 ? "yes" : "no" };
      const body = { metadata: { name, labels }, data: { change: String(change), text: "é\n".repeat(Math.floor(random() * 200)) } };
      if (!this.#alive.has(name)) await this.#create(name, body);
      else if (random() < 0.6) await server.expect("PUT", `${this.#path}/${name}`, { body });
      else {
        await server.expect("DELETE", `${this.#path}/${name}`);
        this.#alive.delete(name);
        if (random() < 0.5) await this.#create(name, body);
      }
      if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, random() * longestPauseMs));
    }
  }

  async #create(name: string, body: object): Promise<void> {
    await server.expect("POST", this.#path, { body });
    this.#alive.add(name);
  }
}

async function serverState(namespace: string): Promise<Map<string, string>> {
  const { items } = await server.expect("GET", `/api/v1/namespaces/${namespace}/configmaps?labelSelector=chosen%3Dyes`);
  return new Map((items as KubeObject[]).map(({ metadata }) => [`${namespace}/${metadata.name}`, `${metadata.uid} ${metadata.resourceVersion}`]));
}

const versions = (objects: ReadonlyMap<string, KubeObject>) => new Map([...objects].map(([key, { metadata }]) => [key, `${metadata.uid} ${metadata.resourceVersion}`]));
const byKey = (map: ReadonlyMap<string, string>) => [...map].sort(([a], [b]) => a.localeCompare(b));

describe("whatever goes wrong between, a Reflector ends with the server's objects, and its events with the same", () => {
  const met = new Map<Fault, number>();
  afterAll(() => console.log(`faults met: ${[...met].map(([fault, count]) => `${fault} ${count}`).join(", ")}`));
  const seeds = (process.env["KUBE_SEEDS"] ?? "1,2,3").split(",").map(Number);

  it.each([
    ...seeds.map((seed) => ({ name: `everything, seed ${seed}`, seed, faults: ALL_FAULTS, rounds: 6, changes: 60 })),
    ...ALL_FAULTS.map((fault, seed) => ({ name: `${fault} only`, seed, faults: [fault], rounds: 2, changes: 40 })),
  ])("$name", async ({ seed, faults, rounds, changes }) => {
    const namespace = await server.createNamespace("reflect");
    const random = seededRandom(seed);
    const rate = 0.4 + 0.5 * random();
    const proxy = await FaultProxy.start({ server, seed, faults, rate, slowestMs: 30 });
    const clock = fastClock(FASTER, seed);
    const client = proxy.client(clock);
    const replay = new Replay();
    const reflector = new Reflector({ client, resource: RESOURCES.configMaps, namespace, labelSelector: "chosen=yes", onChange: (event) => replay.take(event) });
    const others = new Others(namespace, random);
    try {
      await others.change(30, 0);
      reflector.start();
      for (let round = 0; round < rounds; round++) {
        proxy.rate = rate;
        await others.change(changes, 40);
        // What happens while nobody listens must be told as well, and little may cover it up afterwards.
        proxy.isAway = true;
        proxy.cutAll();
        await others.change(15, 0);
        proxy.next = faults[Math.floor(random() * faults.length)];
        proxy.isAway = false;
        await others.change(10, 40);
        proxy.rate = 0;
        const expected = byKey(await serverState(namespace));
        await expect.poll(() => byKey(versions(reflector.objects)), { timeout: 60_000, interval: 20 }).toEqual(expected);
        expect(replay.complaints).toEqual([]);
        expect(byKey(versions(replay.objects))).toEqual(expected);
      }
      // The shortest wait is 0.4 s, and a round is at most a list and a watch, each said twice.
      expect(proxy.seen.list + proxy.seen.watch).toBeLessThan(8 + (4 * clock.monotonicMs()) / 400);
      for (const [fault, count] of proxy.met) met.set(fault, (met.get(fault) ?? 0) + count);
    } finally {
      await reflector.close();
      await client.close();
      await proxy.close();
    }
  });

  it("every fault was met", () => {
    expect(ALL_FAULTS.filter((fault) => !met.has(fault))).toEqual([]);
  });
});
