/** A policy that would reset every connection there is. Said explicitly (0.0.0.0/0) it is taken at its word. */
import type { PolicyRule } from "./policyRule.ts";
import type { Subject } from "./subject.ts";
import { RESERVED_DETECTORS } from "./values/mod.ts";

const SUBJECT_CHOICES = ["podSelector", "serviceAccounts", "namespaceSelector", "nodeTraffic", "nodeSelector"] as const;
const PEER_CHOICES = ["podSelector", "namespaceSelector", "fqdns"] as const;
/** Detectors that look at more than the two ends. */
const LOOKING = ["signature", ...RESERVED_DETECTORS] as const;

/** Whether a rule that enforces names nothing at all: no subject, no peer, no port, no end of the connection, nothing seen in it. */
export function matchesEverything(subject: Subject, rule: PolicyRule): boolean {
  const { connection, peers, ports } = rule;
  if (connection === undefined || LOOKING.some((name) => rule[name] !== undefined)) return false;
  const { client, server } = connection;
  const lists = [ports, client.cidrs, client.ports, server.cidrs, server.ports, subject.cidrs, subject.interfaces, peers.cidrs, peers.except];
  const chosen = [...SUBJECT_CHOICES.map((name) => subject[name]), ...PEER_CHOICES.map((name) => peers[name])];
  return peers.scope === "Any" && lists.every((list) => list.length === 0) && chosen.every((choice) => choice === undefined);
}

/** matchesEverything() in CEL. */
export function celMatchesEverything(subject: string, rule: string): string {
  const ends = ["client", "server"].flatMap((end) => [`${rule}.connection.${end}.cidrs`, `${rule}.connection.${end}.ports`]);
  const lists = [`${rule}.ports`, ...ends, `${subject}.cidrs`, `${subject}.interfaces`, `${rule}.peers.cidrs`, `${rule}.peers.except`];
  const absent = [
    ...LOOKING.map((name) => `${rule}.${name}`),
    ...SUBJECT_CHOICES.map((name) => `${subject}.${name}`),
    ...PEER_CHOICES.map((name) => `${rule}.peers.${name}`),
  ];
  const parts = [`has(${rule}.connection)`, ...absent.map((field) => `!has(${field})`), `${rule}.peers.scope == 'Any'`, ...lists.map((list) => `${list}.size() == 0`)];
  return parts.join(" && ");
}
