/** What became of the packets that were sent: counted, and what the kernel refused goes out once more. */
import type { InjectCounters } from "./counters.ts";
import type { Engine } from "./engine.ts";
import type { Forge } from "./forge.ts";
import { KillPhase } from "./kill.ts";
import type { KillPool } from "./killPool.ts";
import type { Outbox } from "./outbox.ts";

/** EAGAIN, ENOMEM, ENOBUFS: the same way will do in a moment. */
const TRANSIENT_ERRORS: readonly number[] = [11, 12, 105];

export class SendResults {
  readonly #outbox: Outbox;
  readonly #pool: KillPool;
  readonly #forge: Forge;
  readonly #engine: Engine;
  readonly #counters: InjectCounters;

  constructor(outbox: Outbox, pool: KillPool, forge: Forge, engine: Engine, counters: InjectCounters) {
    this.#outbox = outbox;
    this.#pool = pool;
    this.#forge = forge;
    this.#engine = engine;
    this.#counters = counters;
  }

  /** Empties the outbox; returns how many packets wait in it again. */
  take(nowMs: number): number {
    const outbox = this.#outbox;
    let failed = 0;
    for (let place = 0; place < outbox.count; place++) {
      const kill = this.#pool.at(this.#forge.ownerAt(place) >> 1);
      const error = outbox.error[place];
      this.#counters.sent(outbox.length[place], error);
      if (kill.phase === KillPhase.Free || kill.serial !== this.#forge.serialAt(place)) continue;
      if (error === 0) {
        kill.left(nowMs);
        continue;
      }
      const end = kill.end(this.#forge.ownerAt(place) & 1);
      end.sendError = error;
      failed++;
      if (TRANSIENT_ERRORS.includes(error)) end.mustSendAgain = true;
      else if (outbox.route[place] === end.delivery.route) this.#forge.takeOtherWay(end);
    }
    outbox.clear();
    if (failed > 0) this.#pool.forEach((kill) => this.#engine.sendAgain(kill, nowMs));
    return outbox.count;
  }
}
