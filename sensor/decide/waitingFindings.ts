/**
 * Findings on flows that nobody has seen alive yet: a flow first seen in the middle may show its bad bytes in its very
 * first packet. They wait, one a flow, for the packet that shows life.
 */
import { Finding } from "../detect/mod.ts";
import type { HeldFlows } from "./heldFlows.ts";
import { MAX_WAITING } from "./limits.ts";

export class WaitingFindings {
  readonly #findings: readonly Finding[] = Array.from({ length: MAX_WAITING }, () => new Finding());
  count = 0;
  /** Findings that gave way to one of another flow. */
  replaced = 0;

  /** Keeps the finding. False where another one of its flow waits already. */
  keep(finding: Finding): boolean {
    const place = this.#findings[finding.slot & (MAX_WAITING - 1)]!;
    if (place.slot === finding.slot && place.generation === finding.generation) return place.rule === finding.rule;
    if (place.slot < 0) this.count++;
    else this.replaced++;
    place.slot = finding.slot;
    place.generation = finding.generation;
    place.rule = finding.rule;
    place.side = finding.side;
    place.signature = finding.signature;
    place.handshake = finding.handshake;
    place.confidence = finding.confidence;
    place.isAgain = finding.isAgain;
    return true;
  }

  /** What waits at this slot; it may be of an older generation. */
  peek(slot: number): Finding | undefined {
    if (this.count === 0) return undefined;
    const place = this.#findings[slot & (MAX_WAITING - 1)]!;
    return place.slot === slot ? place : undefined;
  }

  remove(finding: Finding): void {
    finding.slot = -1;
    this.count--;
  }

  /** Takes all out, and gives their connections to `to`. */
  moveTo(to: HeldFlows): void {
    for (let i = 0; this.count > 0 && i < MAX_WAITING; i++) {
      if (this.#findings[i]!.slot < 0) continue;
      to.add(this.#findings[i]!.slot);
      this.remove(this.#findings[i]!);
    }
  }
}
