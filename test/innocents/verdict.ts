/** What a run has shown, line by line, and whether all of it was as promised. */
import type { InnocentsResult } from "./run.ts";

interface Line {
  readonly what: string;
  readonly value: string;
  readonly ok: boolean;
}

const SHOWN = 20;
/** Of the attacks, the share that may pass unseen where the machine was too busy to let the sensor see all packets. */
const EXCUSED = 0.01;

function lines(result: InnocentsResult): Line[] {
  const { innocents, wanted, attacks, cut, hostile, pods, seconds, steadyExchanges, testimony, wrongResets, unseenAttacks } = result;
  const { decisions, wrongDecisions, outcomes, capture, sensorEnd, complaints } = result;
  const excused = capture.dropped > 0 ? attacks * EXCUSED : 0;
  const others = complaints.filter((complaint) => !complaint.startsWith("attack")).length;
  const told = Object.entries(outcomes).map(([name, count]) => `${count} ${name}`).join(", ");
  return [
    { what: "innocent connections that lived", value: `${innocents} of ${wanted} (${Math.round(innocents / seconds)} a second)`, ok: innocents === wanted },
    { what: "complaints about anything but an attack", value: String(others), ok: others === 0 },
    { what: "exchanges of 30 connections that stayed all the time", value: String(steadyExchanges), ok: steadyExchanges > 0 },
    { what: "pods that were born and died", value: String(pods), ok: pods > 0 },
    { what: "hostile packets", value: String(hostile), ok: true },
    { what: "of them known by their interface", value: String(capture.spoofed), ok: hostile === 0 || capture.spoofed > 0 },
    { what: "attacks cut at both ends", value: `${cut} of ${attacks}${capture.dropped > 0 ? ", packets were lost" : ""}`, ok: attacks > 0 && attacks - cut <= excused },
    { what: "the sensor's outcomes", value: told, ok: true },
    { what: "the sensor's decisions to reset, of them wrong", value: `${decisions}, ${wrongDecisions.length}`, ok: wrongDecisions.length === 0 },
    { what: "RSTs that a witness saw, of them the sensor's", value: `${testimony.seen}, ${testimony.marked}`, ok: testimony.lost === 0 },
    { what: "of those for no attack", value: String(wrongResets.length), ok: wrongResets.length === 0 },
    { what: "attacks without a RST of the sensor", value: String(unseenAttacks.length), ok: unseenAttacks.length <= excused },
    { what: "packets captured, of them lost", value: `${capture.packets}, ${capture.dropped}`, ok: true },
    { what: "the sensor", value: sensorEnd ?? "ran to the end", ok: sensorEnd === undefined },
  ];
}

export function isClean(result: InnocentsResult): boolean {
  return lines(result).every(({ ok }) => ok);
}

export function table(result: InnocentsResult): string[] {
  const { complaints, wrongResets, wrongDecisions, unseenAttacks } = result;
  const shown = lines(result).map(({ what, value, ok }) => `${ok ? "  ok    " : "  WRONG "} ${what.padEnd(54)} ${value}`);
  for (const complaint of complaints) shown.push(`  ${complaint}`);
  for (const one of wrongResets.slice(0, SHOWN)) shown.push(`  wrong RST: ${JSON.stringify(one)}`);
  for (const one of wrongDecisions.slice(0, SHOWN)) shown.push(`  wrong decision: ${one}`);
  for (const one of unseenAttacks.slice(0, SHOWN)) shown.push(`  attack without RST: ${JSON.stringify(one)}`);
  return shown;
}
