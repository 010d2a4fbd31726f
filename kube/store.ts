/** The objects that a Reflector keeps, and what changes when another state of theirs is heard. */
import { type KubeObject, keyOf } from "./object.ts";

export type ReflectorEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "Added"; readonly object: T; readonly previous?: undefined }
  | { readonly type: "Modified" | "Deleted"; readonly object: T; readonly previous: T };

interface Entry<T> {
  readonly object: T;
  /** Kept apart, because `transform` may leave them out of the object. */
  readonly uid: string;
  readonly version: string;
}

export interface StoreOptions<T extends KubeObject> {
  /** Undefined: not to be kept. */
  readonly transform: (raw: KubeObject) => T | undefined;
  readonly onChange: (event: ReflectorEvent<T>) => void;
}

export class Store<T extends KubeObject> {
  readonly objects = new Map<string, T>();
  readonly #ids = new Map<string, { uid: string; version: string }>();
  readonly #options: StoreOptions<T>;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
  }

  /** An object as a watch told it. One that is known in this version already tells nothing. */
  put(raw: KubeObject): void {
    const key = keyOf(raw);
    const entry = this.entryOf(key, raw);
    if (entry === undefined) this.#forget(key, undefined);
    else this.#put(key, entry);
  }

  /** The object is gone; `raw` is its last state. */
  remove(raw: KubeObject): void {
    this.#forget(keyOf(raw), raw);
  }

  /** What to keep of `raw`: what is kept already where it is the same version. */
  entryOf(key: string, raw: KubeObject): Entry<T> | undefined {
    const { uid = "", resourceVersion: version = "" } = raw.metadata;
    const known = this.#ids.get(key);
    if (known !== undefined && known.uid === uid && known.version === version) return { object: this.objects.get(key)!, ...known };
    const object = this.#options.transform(raw);
    return object === undefined ? undefined : { object, uid, version };
  }

  /** A whole list: everything else is gone. What is gone is told first, so that an address is free before it is given anew. */
  replaceAll(next: ReadonlyMap<string, Entry<T>>): void {
    for (const [key, { uid }] of this.#ids) {
      const found = next.get(key);
      if (found === undefined || found.uid !== uid) this.#forget(key, undefined);
    }
    for (const [key, entry] of next) this.#put(key, entry);
  }

  #put(key: string, { object, uid, version }: Entry<T>): void {
    const known = this.#ids.get(key);
    if (known !== undefined && known.uid !== uid) this.#forget(key, undefined);
    else if (known !== undefined && known.version === version) return;
    const previous = this.objects.get(key);
    this.objects.set(key, object);
    this.#ids.set(key, { uid, version });
    this.#options.onChange(previous === undefined ? { type: "Added", object } : { type: "Modified", object, previous });
  }

  #forget(key: string, raw: KubeObject | undefined): void {
    const previous = this.objects.get(key);
    if (previous === undefined) return;
    this.objects.delete(key);
    this.#ids.delete(key);
    const object = (raw === undefined ? undefined : this.#options.transform(raw)) ?? previous;
    this.#options.onChange({ type: "Deleted", object, previous });
  }
}

export type { Entry };
