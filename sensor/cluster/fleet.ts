/** The SensorFleet that this sensor belongs to, as far as the sensor itself obeys it. */
import { defaultSettings, durationMs } from "../../crds/mod.ts";
import type { LoadedObject, SensorFleetSpec, SensorSettingsSpec } from "../../crds/mod.ts";
import { LastGoodObjects } from "./lastGood.ts";
import type { ObjectFailure, WatchedObject } from "./lastGood.ts";

/** Of a fleet that was never read. */
const DEFAULT_MAX_POLICY_AGE_MS = 24 * 3_600_000;

export class Fleet {
  readonly #name: string;
  readonly #objects = new LastGoodObjects(undefined);
  #isObserveOnly = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** True where something else is asked for now. */
  take(object: WatchedObject): boolean {
    const changed = this.#objects.take(object);
    // The emergency stop holds also where the rest of the object cannot be read; its end must be readable.
    const { enforcement } = ((object as { spec?: unknown }).spec ?? {}) as { enforcement?: unknown };
    if (enforcement === "ObserveOnly") this.#isObserveOnly = true;
    else if (this.#objects.failures().length === 0) this.#isObserveOnly = false;
    return changed;
  }

  get spec(): SensorFleetSpec | undefined {
    const good = this.#objects.objects()[0];
    return good?.kind === "SensorFleet" ? good.object.spec : undefined;
  }

  get generation(): number {
    return this.#objects.generationOf(`SensorFleet ${this.#name}`);
  }

  get isObserveOnly(): boolean {
    return this.#isObserveOnly;
  }

  /** From the disk: the object that asked for the emergency stop could not be read otherwise, and is not kept. */
  restoreObserveOnly(): void {
    this.#isObserveOnly = true;
  }

  get maxPolicyAgeMs(): number {
    return this.spec === undefined ? DEFAULT_MAX_POLICY_AGE_MS : durationMs(this.spec.maxPolicyAge);
  }

  get internalCidrs(): readonly string[] {
    return (this.spec ?? defaultSettings()).internalCidrs;
  }

  /** What a standalone sensor reads from a file. Undefined where no fleet was ever read: protections are missing then. */
  settings(): LoadedObject | undefined {
    const good = this.#objects.objects()[0];
    if (good?.kind !== "SensorFleet") return undefined;
    const { protectedEndpoints, managementPorts, sharedClients, internalCidrs, budgets, timeouts } = good.object.spec;
    const spec: SensorSettingsSpec = { protectedEndpoints, managementPorts, sharedClients, internalCidrs, budgets, timeouts };
    const object = { apiVersion: good.object.apiVersion, kind: "SensorSettings" as const, metadata: { name: this.#name }, spec };
    return { kind: "SensorSettings", object, name: this.#name, namespace: "", file: good.file, line: 0, fingerprint: good.fingerprint };
  }

  sources(): WatchedObject[] {
    return this.#objects.sources();
  }

  get remarks(): Pick<LastGoodObjects, "problems" | "notes" | "stale"> {
    return this.#objects;
  }

  failures(): ObjectFailure[] {
    return this.#objects.failures();
  }
}
