/**
 * Marked RSTs that this sensor did not send: another one is at work on the same connection (first actor rule).
 * Known by their sequence number, which NAT between the two sensors leaves alone. Direct-mapped: a forgotten one
 * costs a RST that was not needed, nothing else.
 */

const PLACES = 1_024;

export class OtherSensors {
  readonly #sequence = new Int32Array(PLACES);
  readonly #atMs = new Float64Array(PLACES).fill(-Infinity);

  note(sequence: number, nowMs: number): void {
    const place = placeOf(sequence);
    this.#sequence[place] = sequence;
    this.#atMs[place] = nowMs;
  }

  /** When a RST with this number was seen last; -Infinity where none is remembered. */
  lastMs(sequence: number): number {
    const place = placeOf(sequence);
    return this.#sequence[place] === sequence ? this.#atMs[place] : -Infinity;
  }
}

function placeOf(sequence: number): number {
  return Math.imul(sequence, 0x9e3779b1) >>> 22;
}
