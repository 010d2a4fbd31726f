/** FlowResets as the watch tells them: judged by the schema, and kept until there are pods and Workers to run them on. */
import { formatPath, validate } from "../../crds/mod.ts";
import type { LoadedObject } from "../../crds/mod.ts";
import type { KubeObject, ReflectorEvent } from "../../kube/mod.ts";
import type { ObjectFailure } from "./lastGood.ts";
import { MAX_FAILURES } from "./limits.ts";

/** A FlowReset as the API server has it. */
export interface ClusterReset {
  readonly uid: string;
  readonly object: LoadedObject;
  readonly createdMs: number;
}

export class ResetQueue {
  readonly #waiting = new Map<string, ClusterReset>();
  readonly #failures = new Map<string, ObjectFailure>();

  /** Returns the uid of one that is gone: deleted, or finished. */
  take({ type, object }: ReflectorEvent): string | undefined {
    const { uid = "", deletionTimestamp } = object.metadata;
    if (type === "Deleted" || deletionTimestamp !== undefined) {
      this.#waiting.delete(uid);
      this.#failures.delete(uid);
      return uid;
    }
    // The spec is immutable.
    if (type === "Added") this.#add(uid, object);
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** The next that is to be run. */
  next(): ClusterReset | undefined {
    const [first] = this.#waiting.values();
    if (first !== undefined) this.#waiting.delete(first.uid);
    return first;
  }

  failures(): ObjectFailure[] {
    return [...this.#failures.values()];
  }

  #add(uid: string, object: KubeObject): void {
    const { name, namespace = "", generation = 0, creationTimestamp = "" } = object.metadata;
    const { valid, faults } = validate(object, { standalone: false });
    if (valid === undefined) {
      const message = faults.map((fault) => `${formatPath(fault.path)}: ${fault.message}`).join("; ");
      if (this.#failures.size < MAX_FAILURES) this.#failures.set(uid, { kind: object.kind, namespace, name, uid, generation, message });
      return;
    }
    const loaded = { ...valid, name, namespace, file: `${object.kind} ${namespace}/${name}`, line: 0, fingerprint: uid } as LoadedObject;
    this.#waiting.set(uid, { uid, object: loaded, createdMs: Date.parse(creationTimestamp) || 0 });
  }
}
