/**
 * As many connections as the machine can carry: a sensor that gets no processor loses packets, and an attack among
 * those passes. The load falls at once where packets were lost, and rises again slowly.
 */

const FALL = 0.6;
const RISE_PER_TURN = 100;
const LEAST = 200;
/** Turns without loss before it rises again. */
const CALM_TURNS = 3;

export class Pace {
  readonly #most: number;
  #rate: number;
  #lost = 0;
  #calm = 0;

  /** @param most connections a second at most, and to begin with */
  constructor(most: number) {
    this.#most = most;
    this.#rate = most;
  }

  /** @param lost packets that the sensor has lost so far; returns connections a second from now on */
  next(lost: number): number {
    this.#calm = lost > this.#lost ? 0 : this.#calm + 1;
    this.#lost = lost;
    if (this.#calm === 0) this.#rate = Math.max(LEAST, Math.floor(this.#rate * FALL));
    else if (this.#calm > CALM_TURNS) this.#rate = Math.min(this.#most, this.#rate + RISE_PER_TURN);
    return this.#rate;
  }
}
