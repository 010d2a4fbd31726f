/** A policy that would reset every connection there is. Said explicitly (0.0.0.0/0) it is taken at its word. */
import type { Peers } from "./peers.ts";
import type { PolicyRule } from "./policyRule.ts";
import type { Subject } from "./subject.ts";
import { RESERVED_DETECTORS } from "./values/mod.ts";

/** How a field names something: a choice by being there, a list by an entry. Whoever adds a field must say it here. */
type Naming<T> = Readonly<Record<keyof T, "choice" | "list">>;

const SUBJECT: Naming<Subject> = {
  podSelector: "choice",
  serviceAccounts: "choice",
  namespaceSelector: "choice",
  nodeTraffic: "choice",
  nodeSelector: "choice",
  cidrs: "list",
  interfaces: "list",
};

const PEERS: Naming<Omit<Peers, "scope">> = { cidrs: "list", except: "list", podSelector: "choice", namespaceSelector: "choice", fqdns: "choice" };

const END: Naming<{ cidrs: unknown; ports: unknown }> = { cidrs: "list", ports: "list" };

/** Detectors that look at more than the two ends. */
const LOOKING = ["signature", ...RESERVED_DETECTORS] as const;

/** Whether a rule that enforces names nothing at all: no subject, no peer, no port, no end of the connection, nothing seen in it. */
export function matchesEverything(subject: Subject, rule: PolicyRule): boolean {
  const { connection, peers, ports } = rule;
  if (connection === undefined || LOOKING.some((name) => rule[name] !== undefined)) return false;
  const isSilent = namesNothing(subject, SUBJECT) && namesNothing(peers, PEERS) && namesNothing(connection.client, END) && namesNothing(connection.server, END);
  return isSilent && peers.scope === "Any" && ports.length === 0;
}

function namesNothing<T extends object>(part: T, naming: Readonly<Partial<Record<keyof T, "choice" | "list">>>): boolean {
  return (Object.keys(naming) as (keyof T)[]).every((field) => (naming[field] === "list" ? (part[field] as readonly unknown[]).length === 0 : part[field] === undefined));
}

/** matchesEverything() in CEL. */
export function celMatchesEverything(subject: string, rule: string): string {
  const parts = [
    `has(${rule}.connection)`,
    ...LOOKING.map((name) => `!has(${rule}.${name})`),
    ...celNamesNothing(subject, SUBJECT),
    ...celNamesNothing(`${rule}.peers`, PEERS),
    ...celNamesNothing(`${rule}.connection.client`, END),
    ...celNamesNothing(`${rule}.connection.server`, END),
    `${rule}.peers.scope == 'Any'`,
    `${rule}.ports.size() == 0`,
  ];
  return parts.join(" && ");
}

function celNamesNothing(part: string, naming: Readonly<Record<string, "choice" | "list">>): string[] {
  return Object.entries(naming).map(([field, how]) => (how === "list" ? `${part}.${field}.size() == 0` : `!has(${part}.${field})`));
}
