/** A policy that would reset every connection there is. Said explicitly (0.0.0.0/0) it is taken at its word. */
import type { PolicyRule } from "./policyRule.ts";
import type { Subject } from "./subject.ts";

/** Whether a rule that enforces names nothing at all: no subject, no peer, no port, no end of the connection, nothing seen in it. */
export function matchesEverything(subject: Subject, rule: PolicyRule): boolean {
  const { connection, signature, peers, ports, name: _name, direction: _direction, ...reserved } = rule;
  if (connection === undefined || signature !== undefined || Object.values(reserved).some((detector) => detector !== undefined)) return false;
  const { client, server } = connection;
  const lists = [ports, client.cidrs, client.ports, server.cidrs, server.ports, subject.cidrs, subject.interfaces, peers.cidrs, peers.except];
  const chosen = [subject.podSelector, subject.namespaceSelector, subject.nodeTraffic, subject.nodeSelector, peers.podSelector, peers.namespaceSelector, peers.fqdns];
  return peers.scope === "Any" && lists.every((list) => list.length === 0) && chosen.every((choice) => choice === undefined);
}
