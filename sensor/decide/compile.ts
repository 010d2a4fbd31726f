/**
 * Objects, settings and the interfaces there are, to one CompiledPolicy. Runs in the main thread whenever one of the
 * three changes. A part that cannot work is left out with a note, and never takes anything else with it.
 */
import type { SensorSettingsSpec } from "../../crds/mod.ts";
import { identityOf } from "../../crds/values/mod.ts";
import { ALL_ADDRESSES, DetectionBuilder, type DetectionOptions, type InterfaceDescription, portTableBuilder, SetList, sharedDoubles, sharedWords } from "../detect/mod.ts";
import { compileGuards, guardReserve, type ProtectedConnection } from "./compileGuards.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { FlowResetCompiler } from "./compileFlowReset.ts";
import { PolicyCompiler } from "./compilePolicies.ts";
import { MAX_FLOW_RESETS, MAX_POLICIES } from "./limits.ts";
import { type ClusterView, OwnerNumbers, Subjects } from "./subjects/mod.ts";
import { type CompileNote, NoteList, type PolicyObject } from "./note.ts";

export interface CompileInput {
  readonly objects: readonly PolicyObject[];
  readonly settings: SensorSettingsSpec;
  readonly interfaces: readonly InterfaceDescription[];
  /** Absent: standalone. */
  readonly cluster?: ClusterView | undefined;
  readonly protectedConnections?: readonly ProtectedConnection[];
  readonly detection?: DetectionOptions;
  /** Keeps the numbers of pods from one compiled policy to the next. */
  readonly owners?: OwnerNumbers;
}

export interface CompileResult {
  readonly compiled: CompiledPolicy;
  readonly notes: readonly CompileNote[];
  /** The same policies for other pods and interfaces: cheap, however many signatures there are. */
  withSubjects(cluster: ClusterView | undefined, interfaces: readonly InterfaceDescription[]): CompiledPolicy;
}

/** The order of `objects` does not matter: policies stand by kind, namespace and name. */
export function compile(input: CompileInput): CompileResult {
  const notes = new NoteList();
  const exemptForAll = input.objects.flatMap((object) => (object.kind === "ClusterResponsePolicy" ? object.object.spec.exempt.flatMap(({ cidrs }) => cidrs) : []));
  const guardAddresses = new SetList(ALL_ADDRESSES, guardReserve({ ...input, cluster: input.cluster, exemptForAll }));
  const subjects = new Subjects();
  const inCluster = input.cluster !== undefined;
  const policies = new PolicyCompiler({ detection: new DetectionBuilder(input.detection), guardAddresses, settings: input.settings, notes, subjects, inCluster });
  const flowResets = new FlowResetCompiler(notes, subjects, inCluster);
  for (const object of [...input.objects].sort(byIdentity)) {
    if (object.kind === "ResponsePolicy" || object.kind === "ClusterResponsePolicy") {
      if (policies.names.length === MAX_POLICIES) notes.error(identityOf(object), "", `Cannot take more than ${MAX_POLICIES} policies: this one is left out`);
      else policies.add(object);
    } else if (object.kind === "FlowReset" || object.kind === "ClusterFlowReset") {
      if (flowResets.names.length === MAX_FLOW_RESETS) notes.error(identityOf(object), "", `Cannot take more than ${MAX_FLOW_RESETS} FlowResets: this one is left out`);
      else flowResets.add(object);
    }
  }
  const { settings, protectedConnections = [], owners = new OwnerNumbers() } = input;
  const namespaces = [...policies.names, ...flowResets.names].map(({ namespace }) => namespace);
  const buildPortTable = portTableBuilder();
  const guardsFor = (cluster: ClusterView | undefined, interfaces: readonly InterfaceDescription[]) =>
    compileGuards(guardAddresses.copy(), { settings, interfaces, protectedConnections, exemptForAll, cluster, namespaces, buildPortTable });
  const compiled: CompiledPolicy = {
    detection: policies.detection.build(input.interfaces, subjects.resolve(input.cluster, input.interfaces, owners)),
    policyOfRule: sharedWords(policies.policyOfRule),
    serversAlone: sharedWords(policies.serversAlone),
    policyCount: policies.names.length,
    policies: sharedWords(policies.words),
    policyHoldMs: sharedDoubles(policies.holdMs),
    flowResetCount: flowResets.names.length,
    flowResets: sharedWords(flowResets.words),
    flowResetHoldMs: sharedDoubles(flowResets.holdMs),
    guards: guardsFor(input.cluster, input.interfaces),
    connectionsPerMinute: settings.budgets.connectionsPerMinute,
    names: { policies: policies.names, rules: policies.ruleNames, signatures: policies.signatureNames, flowResets: flowResets.names },
  };
  const withSubjects = (cluster: ClusterView | undefined, interfaces: readonly InterfaceDescription[]): CompiledPolicy => ({
    ...compiled,
    detection: policies.detection.withSubjects(compiled.detection, interfaces, subjects.resolve(cluster, interfaces, owners)),
    guards: guardsFor(cluster, interfaces),
  });
  return { compiled, notes: notes.notes, withSubjects };
}

function byIdentity(a: PolicyObject, b: PolicyObject): number {
  const left = identityOf(a);
  const right = identityOf(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
