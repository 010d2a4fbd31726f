/**
 * The last good state on the node's disk: what a sensor that starts without an API server goes on with. Written whole
 * beside the old one, flushed, and put in its place, so that a crash leaves the one or the other; read with distrust.
 */
import { open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { MAX_STATE_BYTES } from "./limits.ts";
import { makeStateFolder } from "./stateFolder.ts";

const VERSION = 1;

const text = z.string();
const labels = z.record(text, text);
const pod = z.object({
  uid: text,
  namespace: text,
  name: text,
  labels,
  serviceAccount: text,
  addresses: z.array(text),
  networkReadyMs: z.number(),
  probePorts: z.array(z.number()),
});
const endpoints = z.object({ addresses: z.array(text), ports: z.array(z.number()) });
const neighbours = z.object({ apiServers: z.array(endpoints), nameServers: z.array(text), services: z.object({ apiService: endpoints.optional(), nameServices: z.array(text), healthCheckPorts: z.array(z.number()) }) });
/** Judged by their own schemas when they are taken. */
const watchedObject = z.looseObject({ kind: text, metadata: z.looseObject({ name: text, namespace: text.optional(), uid: text.optional(), generation: z.number().optional() }) });

const state = z.object({
  version: z.literal(VERSION),
  node: text,
  fleet: text,
  /** Of the kernel and its network: interfaces of another boot are others. */
  machine: text,
  /** When the API server was last heard, milliseconds since 1970. */
  contactMs: z.number(),
  /** Policies and the fleet. */
  objects: z.array(watchedObject),
  namespaces: z.record(text, labels),
  nodeLabels: labels,
  nodeUid: text,
  nodeAddresses: z.array(text),
  /** The fleet's emergency stop, also where the object that asks for it cannot be read otherwise. */
  isObserveOnly: z.boolean().optional(),
  /** Of the ConfigMap of the report stream. */
  stream: z.record(text, text).optional(),
  /** What must be spared around the node; absent where an older sensor wrote. */
  neighbours: neighbours.optional(),
  pods: z.array(pod),
  bindings: z.array(z.object({ uid: text, address: text, incarnation: text })),
});

export type ClusterState = z.output<typeof state>;
export type KeptNeighbours = z.output<typeof neighbours>;

export type StateReading = { readonly state: ClusterState } | { readonly absent: true } | { readonly fault: string };

export class StateFile {
  readonly path: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, "state.json");
  }

  /** Never throws: what cannot be read is named. */
  async read(): Promise<StateReading> {
    let content: string;
    try {
      const { size } = await stat(this.path);
      if (size > MAX_STATE_BYTES) return { fault: `Cannot take so large a state, expected at most ${MAX_STATE_BYTES} bytes: current size is ${size}` };
      content = await readFile(this.path, "utf8");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === "ENOENT" ? { absent: true } : { fault: `Cannot read the state ${this.path}: ${code ?? message}` };
    }
    try {
      const result = state.safeParse(JSON.parse(content));
      if (result.success) return { state: result.data };
      const { path, message } = result.error.issues[0]!;
      return { fault: `Cannot use the state ${this.path}, expected version ${VERSION}: ${path.join(".")}: ${message}` };
    } catch {
      return { fault: `Cannot use the state ${this.path}, expected JSON: current text is cut or damaged` };
    }
  }

  /** Rejects where the disk refuses; the old state then stays. */
  async write(content: Omit<ClusterState, "version">): Promise<void> {
    const bytes = Buffer.from(JSON.stringify({ version: VERSION, ...content }));
    if (bytes.length > MAX_STATE_BYTES) throw new Error(`Cannot keep so large a state, expected at most ${MAX_STATE_BYTES} bytes: current size is ${bytes.length}`);
    makeStateFolder(this.#directory);
    const fresh = `${this.path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.path);
    const directory = await open(this.#directory, "r");
    await directory.sync().finally(() => directory.close());
  }
}
