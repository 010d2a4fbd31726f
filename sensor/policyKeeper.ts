/**
 * From what is written to what Workers hold: settings, policies and interfaces, compiled anew when one of them
 * changes. FlowResets are compiled one by one, so that a person's reset never waits for thousands of signatures.
 */
import { defaultSettings, durationMs, identityOf, selects, signatureCheck } from "../crds/mod.ts";
import type { LoadedObject, SensorSettingsSpec, Subject } from "../crds/mod.ts";
import { compile, complaintOfSignature, OwnerNumbers } from "./decide/mod.ts";
import type { ClusterView, CompileNote, CompileResult, CompiledPolicy, PolicyObject, ProtectedConnection } from "./decide/mod.ts";
import type { InterfaceDescription } from "./detect/mod.ts";
import type { FlowTimeouts } from "./flow/mod.ts";
import { fullName } from "./fullName.ts";
import { settingsMissing } from "./policy/mod.ts";
import type { PolicySnapshot } from "./policy/mod.ts";
import { LabelTable } from "./report/mod.ts";
import { FLOW_RESET_LABEL } from "./resetRuns.ts";

export interface PolicyKeeperOptions {
  readonly protectedConnections: readonly ProtectedConnection[];
  /** Ports of this machine that are never reset. */
  readonly protectedPorts: readonly number[];
}

/** A signature that cannot be read breaks its file, so that the last good version stays in force. */
export const checkSignatures = signatureCheck(complaintOfSignature);

/** What metrics call resets that a person asked for; the first label of every table (FLOW_RESET_LABEL). */
const FLOW_RESET_LABEL_NAME = "FlowReset";

export interface CompiledRound {
  readonly compiled: CompiledPolicy;
  readonly labels: readonly number[];
  readonly labelNames: readonly [number, string][];
  readonly generation: number;
  readonly notes: readonly CompileNote[];
}

export class PolicyKeeper {
  readonly labels = new LabelTable();
  generation = 0;
  readonly #options: PolicyKeeperOptions;
  #objects: readonly LoadedObject[] = [];
  /** Settings were written that cannot be read: what they protect is not known. */
  #lacksSettings = false;
  #interfaces: readonly InterfaceDescription[] = [];
  #shared: readonly string[] = [];
  #cluster: ClusterView | undefined;
  readonly #owners = new OwnerNumbers();
  #last: (CompiledRound & { readonly withSubjects: CompileResult["withSubjects"] }) | undefined;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
    this.labels.intern(FLOW_RESET_LABEL_NAME);
  }

  get settings(): SensorSettingsSpec {
    const found = this.#objects.find((object) => object.kind === "SensorSettings");
    const settings = found?.kind === "SensorSettings" ? found.object.spec : defaultSettings();
    const ports = this.#options.protectedPorts.map(String);
    return {
      ...settings,
      managementPorts: [...settings.managementPorts, ...ports],
      sharedClients: [...settings.sharedClients, ...this.#shared],
    };
  }

  /**
   * Takes a snapshot and compiles it. Where settings were written that cannot be read, protections are missing that
   * somebody meant: nothing is enforced then, and no FlowReset is run.
   */
  take(snapshot: Pick<PolicySnapshot, "objects" | "withheld">): CompiledRound {
    this.#lacksSettings = settingsMissing(snapshot);
    this.#objects = this.#lacksSettings ? snapshot.objects.map(observing) : snapshot.objects;
    return this.compile();
  }

  /**
   * Interfaces came or went: the rules stay as they are compiled.
   * @param shared addresses behind which several parties stand: this machine's own, next hops, far ends of tunnels
   */
  takeInterfaces(interfaces: readonly InterfaceDescription[], shared: readonly string[] = []): CompiledRound {
    this.#interfaces = interfaces;
    this.#shared = shared.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
    return this.#renew();
  }

  /** Pods, namespaces or labels of the node changed: the rules stay as they are compiled. Whoever calls debounces. */
  takeCluster(view: ClusterView): CompiledRound {
    this.#cluster = view;
    return this.#renew();
  }

  compile(): CompiledRound {
    const policies = this.#objects.filter(({ kind }) => kind === "ResponsePolicy" || kind === "ClusterResponsePolicy");
    const { compiled, notes, withSubjects } = this.#compile(policies);
    const labels = compiled.names.policies.map((policy) => this.labels.intern(fullName(policy)));
    const labelNames = [FLOW_RESET_LABEL, ...labels].map((label): [number, string] => [label, this.labels.name(label)]);
    this.#last = { compiled, labels, labelNames, generation: ++this.generation, notes, withSubjects };
    return this.#last;
  }

  /** One FlowReset with the guards that protect from it. */
  compileReset(reset: PolicyObject): { compiled: CompiledPolicy; notes: readonly CompileNote[] } {
    if (!this.#lacksSettings) return this.#compile([reset]);
    const note = { object: identityOf(reset), severity: "Error", field: "spec", message: "Cannot reset anything while the settings cannot be read: what must be spared is not known" } as const;
    return { compiled: this.#compile([]).compiled, notes: [note] };
  }

  get flowTimeouts(): FlowTimeouts {
    const { synSent, established, closing, closed } = this.settings.timeouts;
    return { synSentMs: durationMs(synSent), establishedMs: durationMs(established), closingMs: durationMs(closing), closedMs: durationMs(closed) };
  }

  get resets(): readonly LoadedObject[] {
    return this.#objects.filter(({ kind }) => kind === "FlowReset" || kind === "ClusterFlowReset");
  }

  /** `isSelected`: false where a policy's nodeSelector does not fit this node, so that it matches nothing here. */
  get policyStates(): { name: string; mode: string; identity: string; isSelected: boolean }[] {
    return this.#objects.flatMap((object) =>
      object.kind === "ResponsePolicy" || object.kind === "ClusterResponsePolicy"
        ? [{ name: fullName(object), mode: object.object.spec.mode, identity: identityOf(object), isSelected: this.#isSelected(object.object.spec.subject) }]
        : [],
    );
  }

  #isSelected({ nodeSelector }: Subject): boolean {
    return nodeSelector === undefined || (this.#cluster !== undefined && selects(nodeSelector, this.#cluster.nodeLabels));
  }

  #renew(): CompiledRound {
    if (this.#last === undefined) return this.compile();
    this.#last = { ...this.#last, compiled: this.#last.withSubjects(this.#cluster, this.#interfaces), generation: ++this.generation };
    return this.#last;
  }

  #compile(objects: readonly PolicyObject[]): CompileResult {
    return compile({
      objects,
      settings: this.settings,
      interfaces: this.#interfaces,
      cluster: this.#cluster,
      owners: this.#owners,
      protectedConnections: this.#options.protectedConnections,
    });
  }
}

function observing(object: LoadedObject): LoadedObject {
  if (object.kind === "ResponsePolicy") return { ...object, object: { ...object.object, spec: { ...object.object.spec, mode: "Observe" } } };
  if (object.kind === "ClusterResponsePolicy") return { ...object, object: { ...object.object, spec: { ...object.object.spec, mode: "Observe" } } };
  return object;
}
