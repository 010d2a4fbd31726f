/** Whether every RST that bore the sensor's mark was for an attack, and every attack had its RSTs. */
import type { MarkedReset } from "../lab/adversary/witness.ts";
import type { Attack } from "./crowd.ts";

/** How far beyond an attack's numbers a RST for it may lie: what the attack said, and a FIN. */
const REACH_BYTES = 8_192;
/** One below after a FIN, and the numbers that an end had acknowledged before the attack's last exchange. */
const BACK_BYTES = 8_192;

export interface Audit {
  /** RSTs that belong to no attack: each is a wrong reset, whether or not anybody died of it. */
  readonly wrong: MarkedReset[];
  /** Attacks that no RST was seen for. */
  readonly unseen: Attack[];
}

export function audit(resets: readonly MarkedReset[], attacks: readonly Attack[]): Audit {
  const byTuple = new Map<string, { readonly attack: Attack; readonly next: number }[]>();
  const add = (src: string, sport: number, dst: string, dport: number, attack: Attack, next: number): void => {
    const name = `${src} ${sport} ${dst} ${dport}`;
    const known = byTuple.get(name);
    if (known === undefined) byTuple.set(name, [{ attack, next }]);
    else known.push({ attack, next });
  };
  for (const attack of attacks) {
    const { from, port, to, toPort, seenFrom, seenPort, clientNext, serverNext } = attack;
    add(from, port, to, toPort, attack, clientNext);
    add(to, toPort, from, port, attack, serverNext);
    if (from === seenFrom && port === seenPort) continue;
    add(seenFrom, seenPort, to, toPort, attack, clientNext);
    add(to, toPort, seenFrom, seenPort, attack, serverNext);
  }
  const reset = new Set<Attack>();
  const wrong: MarkedReset[] = [];
  for (const one of resets) {
    const found = byTuple.get(`${one.src} ${one.sport} ${one.dst} ${one.dport}`)?.find(({ next }) => ((one.seq - next + BACK_BYTES) >>> 0) <= BACK_BYTES + REACH_BYTES);
    if (found === undefined) wrong.push(one);
    else reset.add(found.attack);
  }
  return { wrong, unseen: attacks.filter((attack) => !reset.has(attack)) };
}
