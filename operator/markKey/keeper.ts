/** Makes the Secret where there is none, and tells which one there is. */
import { randomBytes } from "node:crypto";
import { RESOURCES, type KubeClient } from "../../kube/mod.ts";
import { markKeySecret, planMarkKey, type MarkKeySecret } from "./plan.ts";

export interface MarkKeyKeeperOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly fieldManager: string;
  readonly labels: Readonly<Record<string, string>>;
  /** There is another one, or the first. */
  onChange(): void;
}

/** Who deletes it tells nobody. */
const LOOK_AGAIN_MS = 60_000;
const KEY_BYTES = 8;

export class MarkKeyKeeper {
  readonly #options: MarkKeyKeeperOptions;
  #uid: string | undefined;
  #isSettled = false;

  constructor(options: MarkKeyKeeperOptions) {
    this.#options = options;
  }

  /** Of the Secret that sensors can read; undefined: none is known. */
  get uid(): string | undefined {
    return this.#uid;
  }

  /** It was looked for once, with whatever success: who can do without it need not wait. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** @returns when to look again. @throws KubeError, or what is wrong in the Secret */
  async reconcile(signal: AbortSignal): Promise<number> {
    try {
      const uid = await this.#find(signal);
      if (uid !== this.#uid) {
        this.#uid = uid;
        this.#options.onChange();
      }
    } finally {
      this.#isSettled = true;
    }
    return LOOK_AGAIN_MS;
  }

  async #find(signal: AbortSignal): Promise<string> {
    const { client, namespace, name, fieldManager, labels } = this.#options;
    const plan = planMarkKey(await client.find<MarkKeySecret>(RESOURCES.secrets, { namespace, name }, { signal }));
    if (plan.step === "Refuse") throw new Error(plan.fault);
    if (plan.step === "Keep") return plan.uid;
    // Applied, not created: a role can name the object of an apply. One that somebody made meanwhile is immutable: 422.
    const made = await client.apply(RESOURCES.secrets, markKeySecret({ namespace, name, labels }, randomBytes(KEY_BYTES)), { fieldManager, signal });
    return made.metadata.uid!;
  }
}
