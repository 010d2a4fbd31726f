/** FlowResets to records that flowResetMatches() asks. */
import type { FlowEndpoint } from "../../crds/mod.ts";
import { durationMs, identityOf, parseAddress, parseCidr, resetRuns, wordMask } from "../../crds/values/mod.ts";
import { type CompiledPolicy, FLOW_RESET_WORDS, FlowResetField, type FlowResetName, ResetTarget } from "./compiled.ts";
import { ANYTHING, sharedWords } from "../detect/mod.ts";
import { NO_NAMESPACE, type Subjects } from "./subjects/mod.ts";
import { type NoteList, type PolicyObject } from "./note.ts";

export class FlowResetCompiler {
  readonly words: number[] = [];
  readonly holdMs: number[] = [];
  readonly names: FlowResetName[] = [];
  readonly #notes: NoteList;
  readonly #subjects: Subjects;
  readonly #inCluster: boolean;

  constructor(notes: NoteList, subjects: Subjects, inCluster: boolean) {
    this.#notes = notes;
    this.#subjects = subjects;
    this.#inCluster = inCluster;
  }

  add({ kind, namespace, name, object }: PolicyObject & { readonly kind: FlowResetName["kind"] }): void {
    const { spec } = object;
    if (!resetRuns(spec)) return;
    const identity = identityOf({ kind, namespace, name });
    const { client, server } = spec.match;
    for (const [field, endpoint] of [["client", client], ["server", server]] as const) {
      if (endpoint?.podSelector === undefined || this.#inCluster) continue;
      this.#notes.error(identity, `spec.match.${field}.podSelector`, "Cannot choose an endpoint by podSelector outside a cluster: nothing is reset");
      return;
    }
    const words = new Array<number>(FLOW_RESET_WORDS).fill(0);
    words[FlowResetField.ClientFamily] = writeEndpoint(words, FlowResetField.Client, client);
    words[FlowResetField.ServerFamily] = writeEndpoint(words, FlowResetField.Server, server);
    words[FlowResetField.ClientPort] = client?.port ?? 0;
    words[FlowResetField.ServerPort] = server?.port ?? 0;
    words[FlowResetField.Target] = ResetTarget[spec.target];
    words[FlowResetField.MaxFlows] = spec.maxFlows;
    words[FlowResetField.DryRun] = spec.dryRun ? 1 : 0;
    words[FlowResetField.ClientPods] = this.#podsOf(namespace, client);
    words[FlowResetField.ServerPods] = this.#podsOf(namespace, server);
    words[FlowResetField.Namespace] = this.#inCluster ? this.#subjects.namespace(namespace) : NO_NAMESPACE;
    this.words.push(...words);
    this.holdMs.push(durationMs(spec.hold));
    this.names.push({ identity, kind, namespace, name, reason: spec.reason });
  }

  /** Of a cluster's FlowReset the pods of all namespaces. */
  #podsOf(namespace: string, endpoint: FlowEndpoint | undefined): number {
    if (endpoint?.podSelector === undefined) return ANYTHING;
    return this.#subjects.add({ namespace: namespace === "" ? undefined : namespace, podSelector: endpoint.podSelector });
  }
}

/** The one FlowReset of `compiled`, between these two ends only; what else it asks of them stays. */
export function narrowed(compiled: CompiledPolicy, client: string, server: string, serverPort: number): CompiledPolicy {
  const words = [...compiled.flowResets];
  words[FlowResetField.ClientFamily] = writeEndpoint(words, FlowResetField.Client, { ip: client });
  words[FlowResetField.ServerFamily] = writeEndpoint(words, FlowResetField.Server, { ip: server });
  words[FlowResetField.ServerPort] = serverPort;
  return { ...compiled, flowResets: sharedWords(words) };
}

/** Writes address and mask; gives the family, 0 for any. */
function writeEndpoint(words: number[], at: number, endpoint: FlowEndpoint | undefined): number {
  const cidr = endpoint?.ip !== undefined ? parseAddress(endpoint.ip) : endpoint?.cidr !== undefined ? parseCidr(endpoint.cidr) : undefined;
  if (cidr === undefined) return 0;
  const bits = cidr.family === 4 ? cidr.prefix + 96 : cidr.prefix;
  for (let i = 0; i < 4; i++) {
    words[at + i] = cidr.words[i]!;
    words[at + 4 + i] = wordMask(bits - 32 * i);
  }
  return cidr.family;
}
