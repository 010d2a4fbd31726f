/** Response policies to rules and policy records. */
import type { PolicyRule, ResponsePolicySpec, SensorSettingsSpec, Subject } from "../../crds/mod.ts";
import { Confidence, durationMs, identityOf, ruleRuns } from "../../crds/values/mod.ts";
import {
  ALL_ADDRESSES,
  ALL_PORTS,
  ANYTHING,
  cidrsToRanges,
  type ConnectionSpec,
  DetectionBuilder,
  Fault,
  intersect,
  parseSignature,
  portsToRanges,
  type RangeSet,
  type RuleSpec,
  SetList,
  type Signature,
  subtract,
} from "../detect/mod.ts";
import { POLICY_WORDS, PolicyField, type PolicyName, ResetTarget, type SignatureName } from "./compiled.ts";
import { type NoteList, type PolicyObject } from "./note.ts";
import { NamespaceQuota } from "./namespaceQuota.ts";
import { NO_NAMESPACE, type Subjects } from "./subjects/mod.ts";

export interface PolicyCompilerParts {
  readonly detection: DetectionBuilder;
  readonly guardAddresses: SetList;
  readonly settings: SensorSettingsSpec;
  readonly notes: NoteList;
  readonly subjects: Subjects;
  /** False where no pods are known: what chooses by them is left out. */
  readonly inCluster: boolean;
}

export class PolicyCompiler {
  readonly detection: DetectionBuilder;
  readonly policyOfRule: number[] = [];
  readonly serversAlone: number[] = [];
  readonly words: number[] = [];
  readonly holdMs: number[] = [];
  readonly names: PolicyName[] = [];
  readonly ruleNames: string[] = [];
  readonly signatureNames: SignatureName[] = [];
  readonly #guardAddresses: SetList;
  readonly #internal: RangeSet;
  readonly #notes: NoteList;
  readonly #subjects: Subjects;
  readonly #inCluster: boolean;
  readonly #quota = new NamespaceQuota();

  constructor({ detection, guardAddresses, settings, notes, subjects, inCluster }: PolicyCompilerParts) {
    this.detection = detection;
    this.#guardAddresses = guardAddresses;
    this.#internal = cidrsToRanges(settings.internalCidrs);
    this.#notes = notes;
    this.#subjects = subjects;
    this.#inCluster = inCluster;
  }

  add(object: PolicyObject & { readonly kind: PolicyName["kind"] }): void {
    const { kind, namespace, name } = object;
    const { spec } = object.object;
    const identity = identityOf(object);
    const refused = this.#whyNotChosen(object);
    if (refused !== undefined) {
      this.#notes.error(identity, `spec.subject.${refused.field}`, `${refused.fault}: the policy is left out`);
      return;
    }
    const exempted = cidrsToRanges(spec.exempt.flatMap(({ cidrs }) => cidrs));
    const beyond = this.#inCluster ? this.#quota.refuseExempt(namespace, exempted) : undefined;
    if (beyond !== undefined) {
      this.#notes.error(identity, "spec.exempt", `${beyond}; the policy is left out`);
      return;
    }
    const exempt = this.#guardAddresses.add(exempted);
    if (exempt === undefined) {
      this.#notes.error(identity, "spec.exempt", "Cannot hold more address sets, the policy is left out: the table is full");
      return;
    }
    const policy = this.names.length;
    this.#addRecord(spec, exempt, this.#inCluster ? this.#subjects.namespace(namespace) : NO_NAMESPACE);
    const owners = this.#inCluster ? this.#ownersOf(kind, namespace, spec.subject) : ANYTHING;
    this.names.push({ identity, kind, namespace, tenant: this.#inCluster ? namespace : "", name, mode: spec.mode, severity: spec.severity, tags: spec.tags });
    const sids = new Map<number, string>();
    spec.rules.forEach((rule, index) => {
      if (ruleRuns(rule)) this.#addRule({ policy, identity, namespace, spec, owners, sids }, rule, `spec.rules[${index}]`);
    });
  }

  #whyNotChosen({ kind, object: { spec: { subject } } }: PolicyObject & { readonly kind: PolicyName["kind"] }): { field: string; fault: string } | undefined {
    if (!this.#inCluster) {
      const field = POD_SELECTORS.find((name) => subject[name] !== undefined);
      return field === undefined ? undefined : { field, fault: `Cannot choose a subject by ${field} outside a cluster` };
    }
    // The schema says so too; a tenant must not gain by an older one.
    const field = kind === "ResponsePolicy" ? CLUSTER_SELECTORS.find((name) => subject[name] !== undefined) : undefined;
    return field === undefined ? undefined : { field, fault: `Cannot choose a subject by ${field} in a namespace, expected a ClusterResponsePolicy` };
  }

  /** A namespaced policy is about its namespace's pods, whatever else it says. */
  #ownersOf(kind: PolicyName["kind"], namespace: string, { podSelector, namespaceSelector, serviceAccounts, nodeTraffic, nodeSelector }: Subject): number {
    const isTenants = kind === "ResponsePolicy";
    const anybody = !isTenants && podSelector === undefined && namespaceSelector === undefined && serviceAccounts === undefined && nodeTraffic !== true;
    if (anybody && nodeSelector === undefined) return ANYTHING;
    return this.#subjects.add({ namespace: isTenants ? namespace : undefined, anybody, podSelector, namespaceSelector, serviceAccounts, nodeTraffic, nodeSelector });
  }

  #addRecord(spec: ResponsePolicySpec, exempt: number, namespace: number): void {
    const words = new Array<number>(POLICY_WORDS).fill(0);
    words[PolicyField.Enforce] = spec.mode === "Enforce" ? 1 : 0;
    words[PolicyField.Target] = ResetTarget[spec.respond.reset.target];
    words[PolicyField.MinConfidence] = Confidence[spec.respond.reset.minConfidence];
    words[PolicyField.AllowShared] = spec.respond.reset.allowShared ? 1 : 0;
    words[PolicyField.ConnectionsPerMinute] = spec.limits.connectionsPerMinutePerNode;
    words[PolicyField.RstPackets] = spec.limits.rstPacketsPerConnection;
    words[PolicyField.Exempt] = exempt;
    words[PolicyField.EvidencePackets] = spec.respond.evidence.packets;
    words[PolicyField.Namespace] = namespace;
    this.words.push(...words);
    this.holdMs.push(durationMs(spec.respond.reset.hold));
  }

  #addRule({ policy, identity, namespace, spec, owners, sids }: PolicyUnderWork, rule: PolicyRule, field: string): void {
    const signatures = this.#signatures(rule, identity, field, sids);
    // A rule all of whose signatures are unusable must not fire on what is left of it.
    if (rule.signature !== undefined && signatures.length === 0) return;
    const scope = scopeOf(spec, rule, this.#internal);
    const connection = connectionOf(rule);
    const refused = this.#inCluster ? this.#quota.refuse(namespace, signatures, [scope.subject, scope.peers, ...(connection === undefined ? [] : [connection.client, connection.server])]) : undefined;
    if (refused !== undefined) {
      this.#notes.error(identity, field, `${refused}; the rule is left out`);
      return;
    }
    const number = this.detection.add({
      // Without the mode: a policy that begins to enforce does what it has only counted (heldBack.ts).
      identity: `${identity}\n${JSON.stringify([spec.subject, rule])}`,
      ...scope,
      owners,
      tenant: this.#inCluster ? this.#subjects.namespace(namespace) + 1 : 0,
      connection,
      signatures,
    });
    if (typeof number === "string") {
      this.#notes.error(identity, field, `${number}; the rule is left out`);
      return;
    }
    this.policyOfRule.push(policy);
    this.serversAlone.push(this.#inCluster && rule.direction === "Inbound" && isByPods(spec.subject, namespace) ? 1 : 0);
    this.ruleNames.push(rule.name);
    this.signatureNames.push(...signatures.map(({ sid, rev, msg }) => ({ sid, rev, msg })));
  }

  /** The usable ones. A sid names one signature of an object: the highest revision counts. */
  #signatures(rule: PolicyRule, identity: string, field: string, sids: Map<number, string>): Signature[] {
    const usable: Signature[] = [];
    (rule.signature?.rules ?? []).forEach((text, index) => {
      const place = `${field}.signature.rules[${index}]`;
      const signature = parseSignature(text);
      if (signature instanceof Fault) {
        this.#notes.error(identity, place, `${signature.message}, at column ${signature.column}`);
        return;
      }
      const earlier = sids.get(signature.sid);
      if (earlier !== undefined) {
        this.#notes.warning(identity, place, `Cannot use one sid for two signatures, the later one is left out: sid ${signature.sid} is also in ${earlier}`);
        return;
      }
      sids.set(signature.sid, place);
      usable.push(signature);
    });
    return usable;
  }
}

/** Whether only pods can be its subject. A node's own traffic may show under an address of the other node too. */
function isByPods({ podSelector, namespaceSelector, serviceAccounts, nodeTraffic }: Subject, namespace: string): boolean {
  if (nodeTraffic === true) return false;
  return namespace !== "" || podSelector !== undefined || namespaceSelector !== undefined || serviceAccounts !== undefined;
}

/** What all rules of a policy have in common. */
interface PolicyUnderWork {
  readonly policy: number;
  readonly identity: string;
  /** "" for a cluster policy. */
  readonly namespace: string;
  readonly spec: ResponsePolicySpec;
  /** Subject set, ANYTHING for none. */
  readonly owners: number;
  readonly sids: Map<number, string>;
}

const CLUSTER_SELECTORS = ["namespaceSelector", "nodeSelector", "nodeTraffic"] as const;
const POD_SELECTORS = ["podSelector", "serviceAccounts", ...CLUSTER_SELECTORS] as const;

/** The rule's flows: subject, peers, ports, direction. */
function scopeOf({ subject }: ResponsePolicySpec, { peers, ports, direction }: PolicyRule, internal: RangeSet): Pick<RuleSpec, "subject" | "interfaces" | "peers" | "ports" | "direction"> {
  const named = anyWhereEmpty(peers.cidrs);
  const scoped = peers.scope === "Any" ? named : peers.scope === "Internal" ? intersect(named, internal) : subtract(named, internal);
  return {
    direction,
    subject: anyWhereEmpty(subject.cidrs),
    interfaces: subject.interfaces.length === 0 ? undefined : { names: subject.interfaces, eitherEnd: subject.cidrs.length > 0 },
    peers: subtract(scoped, cidrsToRanges(peers.except)),
    ports: portsToRanges(ports),
  };
}

function connectionOf({ connection }: PolicyRule): ConnectionSpec | undefined {
  if (connection === undefined) return undefined;
  const { phase, client, server } = connection;
  return {
    phase,
    client: anyWhereEmpty(client.cidrs),
    clientPorts: client.ports.length === 0 ? ALL_PORTS : portsToRanges(client.ports),
    server: anyWhereEmpty(server.cidrs),
    serverPorts: server.ports.length === 0 ? ALL_PORTS : portsToRanges(server.ports),
  };
}

function anyWhereEmpty(cidrs: readonly string[]): RangeSet {
  return cidrs.length === 0 ? ALL_ADDRESSES : cidrsToRanges(cidrs);
}
