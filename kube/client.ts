/** Every call that FlowReset makes of an API server, as one method a verb. */
import type { Access } from "./access.ts";
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReference,
  PatchOptions,
  PatchStatusOptions,
  WriteOptions,
} from "./calls.ts";
import { type Clock, systemClock } from "./clock.ts";
import { KubeCounters } from "./counters.ts";
import { type Call, Exchange, type Stream, watchCall } from "./exchange.ts";
import { mergePatch } from "./mergePatch.ts";
import { type KubeObject, keyOf, withoutManagedFields } from "./object.ts";
import { listPages } from "./pages.ts";
import { type Resource, apiVersionOf, labelOf, pathOf } from "./resources.ts";

const APPLY_PATCH = "application/apply-patch+yaml"; // JSON is YAML.
const MERGE_PATCH = "application/merge-patch+json";

/**
 * Every method rejects with KubeError and repeats nothing that might have been done: whoever calls has a queue with
 * back-off, and KubeError.retryAfterMs says how long the server wants to be left alone.
 */
export class KubeClient {
  readonly counters = new KubeCounters();
  readonly clock: Clock;
  readonly #access: Access;
  readonly #exchange: Exchange;

  constructor(access: Access, userAgent = "flowreset", clock: Clock = systemClock) {
    this.clock = clock;
    this.#access = access;
    this.#exchange = new Exchange(access, clock, this.counters, userAgent);
  }

  /** `https://10.96.0.1:443`. */
  get server(): string {
    return this.#access.origin;
  }

  /** A list page by page; each page is a request. Expired while paging (410): starts anew, as one whole list. */
  list<T extends KubeObject = KubeObject>(resource: Resource, options: ListOptions = {}): AsyncIterable<ListPage<T>> {
    return listPages<T>((call) => this.#json(call), resource, options);
  }

  async listAll<T extends KubeObject = KubeObject>(resource: Resource, options: ListOptions = {}): Promise<ListPage<T>> {
    let items: T[] = [];
    let resourceVersion = "";
    for await (const page of this.list<T>(resource, options)) {
      items = page.isRestart ? page.items : items.concat(page.items);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion, isRestart: false };
  }

  get<T extends KubeObject = KubeObject>(resource: Resource, reference: ObjectReference, options: CallOptions = {}): Promise<T> {
    return this.#object<T>({ ...options, ...call("get", "GET", resource, reference) });
  }

  /** The object, or undefined where there is none. */
  async find<T extends KubeObject = KubeObject>(resource: Resource, reference: ObjectReference, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, reference, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  create<T extends KubeObject = KubeObject>(resource: Resource, object: NoInfer<T>, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, object.metadata.namespace);
    return this.#object<T>({ ...options, ...call("create", "POST", resource, object.metadata), path, query: writeQuery(options), body: object });
  }

  /** The whole object; with `metadata.resourceVersion` it is refused (409, reason Conflict) when another write came between. */
  replace<T extends KubeObject = KubeObject>(resource: Resource, object: NoInfer<T>, options: WriteOptions = {}): Promise<T> {
    return this.#object<T>({ ...options, ...call("update", "PUT", resource, object.metadata), query: writeQuery(options), body: object });
  }

  /** Server-side apply: the fields of `object` are ours from now on, those that we no longer name go away. */
  apply<T extends KubeObject = KubeObject>(resource: Resource, object: NoInfer<T>, options: ApplyOptions): Promise<T> {
    const { fieldManager, force = true, subresource, dryRun } = options;
    const query = { fieldManager, force, ...(dryRun === true ? { dryRun: "All" } : {}) };
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.#object<T>({ ...options, ...call("patch", "PATCH", resource, object.metadata, subresource), contentType: APPLY_PATCH, query, body });
  }

  /** JSON merge patch (RFC 7386): null removes a field. */
  patch<T extends KubeObject = KubeObject>(resource: Resource, reference: ObjectReference, patch: object, options: PatchOptions = {}): Promise<T> {
    const head = call("patch", "PATCH", resource, reference, options.subresource);
    return this.#object<T>({ ...options, ...head, contentType: MERGE_PATCH, query: writeQuery(options), body: patch });
  }

  /**
   * Makes `.status` to be `status` by a merge patch on /status. Resolves with the object, or with `current` where
   * nothing differs (then nothing is sent).
   */
  async patchStatus<T extends KubeObject = KubeObject>(resource: Resource, reference: ObjectReference, status: object, options: PatchStatusOptions<T> = {}): Promise<T> {
    const { current, resourceVersion } = options;
    const change = current === undefined ? status : mergePatch(current.status, status);
    if (current !== undefined && change === undefined) return current;
    const metadata = resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
    return this.patch<T>(resource, reference, { ...metadata, status: change }, { ...options, subresource: "status" });
  }

  /** Resolves when the server has taken it over; with finalizers the object may live on for a while. */
  async delete(resource: Resource, reference: ObjectReference, options: DeleteOptions = {}): Promise<void> {
    const { preconditions, propagationPolicy, gracePeriodSeconds } = options;
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions, propagationPolicy, gracePeriodSeconds };
    await this.#exchange.send({ ...options, ...call("delete", "DELETE", resource, reference), body });
  }

  /** TokenReview, SubjectAccessReview: asks, and stores nothing. */
  review<T extends object>(resource: Resource, object: object, options: CallOptions = {}): Promise<T> {
    const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
    const path = pathOf(resource);
    return this.#json<T>({ ...options, verb: "create", method: "POST", resource: labelOf(resource), name: "", path, body });
  }

  /** Anything else that answers JSON: `/version`, `/apis`. */
  getPath<T = unknown>(path: string, options: CallOptions = {}): Promise<T> {
    return this.#json<T>({ ...options, verb: "get", method: "GET", resource: path, name: "", path });
  }

  /** A watch's stream of lines; Reflector is what reads it. */
  openWatch(resource: Resource, namespace: string | undefined, query: NonNullable<Call["query"]>, options: CallOptions = {}): Promise<Stream> {
    return this.#exchange.open({ ...options, ...watchCall(resource, namespace), query: { ...query, watch: true } });
  }

  /** Cuts every connection; calls that run are rejected. */
  async close(): Promise<void> {
    this.#access.close();
  }

  async #json<T>(request: Call): Promise<T> {
    const text = await this.#exchange.send(request);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw this.#exchange.named(request, error);
    }
  }

  async #object<T extends KubeObject>(request: Call): Promise<T> {
    return withoutManagedFields(await this.#json<T>(request));
  }
}

function call(verb: string, method: Call["method"], resource: Resource, reference: ObjectReference, subresource?: string): Call {
  const { namespace, name } = reference;
  const key = keyOf({ metadata: namespace === undefined ? { name } : { namespace, name } });
  const path = verb === "create" ? "" : pathOf(resource, namespace, name, subresource);
  return { verb, method, resource: labelOf(resource, subresource), name: key, path };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): NonNullable<Call["query"]> {
  return { fieldManager, dryRun: dryRun === true ? "All" : undefined };
}

function isNotFound(error: unknown): boolean {
  return (error as { status?: unknown }).status === 404;
}
