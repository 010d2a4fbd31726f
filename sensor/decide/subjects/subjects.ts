/** The subjects of all objects, each once, and the table that says which pods are in which. */
import { parseAddress, selects } from "../../../crds/values/mod.ts";
import type { LabelSelector } from "../../../crds/mod.ts";
import { type InterfaceDescription, NO_OWNERS, Owner, type OwnerTable, RowTable, sharedWords, signTurned } from "../../detect/mod.ts";
import type { ClusterView, PodIdentity } from "./clusterView.ts";
import { type NumberedPod, type OwnerNumbers } from "./ownerNumbers.ts";

/** Number of the namespace of an object that has none: it may touch any flow. */
export const NO_NAMESPACE = -1;
/** Of a pod's namespace that no object is in. */
const OTHER_NAMESPACE = -2;

/**
 * Which owners are chosen: pods for which all that is given holds, with `nodeTraffic` this node itself too; with
 * `anybody` whoever it is, known or not.
 */
export interface SubjectQuery {
  /** Undefined: of any namespace. */
  readonly namespace: string | undefined;
  readonly podSelector?: LabelSelector | undefined;
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly serviceAccounts?: readonly string[] | undefined;
  readonly nodeTraffic?: boolean | undefined;
  readonly anybody?: boolean | undefined;
  /** Labels of this node: where they do not fit nobody is chosen here. */
  readonly nodeSelector?: LabelSelector | undefined;
}

export class Subjects {
  readonly #queries: SubjectQuery[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #namespaces = new Map<string, number>();

  /** The number of the set, the same for equal queries. */
  add(query: SubjectQuery): number {
    const key = JSON.stringify(query);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#queries.length);
    return this.#queries.push(query) - 1;
  }

  /** NO_NAMESPACE for "". */
  namespace(name: string): number {
    if (name === "") return NO_NAMESPACE;
    const known = this.#namespaces.get(name) ?? this.#namespaces.size;
    this.#namespaces.set(name, known);
    return known;
  }

  resolve(view: ClusterView | undefined, interfaces: readonly InterfaceDescription[], numbers: OwnerNumbers): OwnerTable {
    if (view === undefined) return NO_OWNERS;
    const { present, past } = numbers.number(view);
    const rowWords = Math.max(1, Math.ceil(this.#queries.length / 32));
    const table = new RowTable(rowWords);
    const ownerCount = Math.max(Owner.FirstPod, ...[...present, ...past].map(({ number }) => number + 1));
    const queries = this.#byNamespace(view);
    const rows = new Int32Array(ownerCount).fill(table.intern(rowOf(queries.any, rowWords, ({ anybody }) => anybody === true)));
    const namespaces = new Int32Array(ownerCount).fill(OTHER_NAMESPACE);
    rows[Owner.Node] = table.intern(rowOf(queries.any, rowWords, ({ nodeTraffic, anybody }) => nodeTraffic === true || anybody === true));
    for (const { number, pod } of [...present, ...past]) {
      const candidates = [...queries.any, ...(queries.named.get(pod.namespace) ?? [])];
      rows[number] = table.intern(rowOf(candidates, rowWords, (query) => choosesPod(query, pod, view)));
      namespaces[number] = this.#namespaces.get(pod.namespace) ?? OTHER_NAMESPACE;
    }
    const pods = interfaces.filter(({ kind }) => kind === "Pod").map(({ index }) => index);
    const others = interfaces.filter(({ kind }) => kind !== "Pod").map(({ index }) => index);
    return {
      ...entriesOf(present, interfaces),
      rows: sharedWords(rows),
      namespaces: sharedWords(namespaces),
      podInterfaces: sharedWords(pods.toSorted((a, b) => a - b)),
      otherInterfaces: sharedWords(others.toSorted((a, b) => a - b)),
      bits: table.bits(),
      rowWords,
      isAsked: this.#queries.length > 0 || this.#namespaces.size > 0,
    };
  }

  /** Those that can choose somebody on this node, so that a pod is compared with its own namespace's only. */
  #byNamespace(view: ClusterView): { any: NumberedQuery[]; named: Map<string, NumberedQuery[]> } {
    const any: NumberedQuery[] = [];
    const named = new Map<string, NumberedQuery[]>();
    this.#queries.forEach((query, set) => {
      const { namespace, nodeSelector } = query;
      if (nodeSelector !== undefined && !selects(nodeSelector, view.nodeLabels)) return;
      if (namespace === undefined) any.push({ ...query, set });
      else if (named.get(namespace)?.push({ ...query, set }) === undefined) named.set(namespace, [{ ...query, set }]);
    });
    return { any, named };
  }
}

type NumberedQuery = SubjectQuery & { readonly set: number };

function rowOf(queries: readonly NumberedQuery[], rowWords: number, isIn: (query: SubjectQuery) => boolean): Uint32Array {
  const row = new Uint32Array(rowWords);
  for (const query of queries) if (isIn(query)) row[query.set >>> 5]! |= 1 << (query.set & 31);
  return row;
}

function choosesPod({ anybody, podSelector, namespaceSelector, serviceAccounts = [], nodeTraffic, namespace }: SubjectQuery, pod: PodIdentity, { namespaces }: ClusterView): boolean {
  if (anybody === true) return true;
  // The node's traffic alone was asked for.
  if (nodeTraffic === true && podSelector === undefined && namespaceSelector === undefined && serviceAccounts.length === 0) return false;
  if (namespace !== undefined && namespace !== pod.namespace) return false;
  if (podSelector !== undefined && !selects(podSelector, pod.labels)) return false;
  if (serviceAccounts.length > 0 && !serviceAccounts.includes(pod.serviceAccount)) return false;
  return namespaceSelector === undefined || selects(namespaceSelector, namespaces.get(pod.namespace));
}

interface Entry {
  readonly words: readonly number[];
  readonly interfaceIndex: number;
  readonly owner: number;
}

/** Addresses of pods at their interfaces, and this machine's own. */
function entriesOf(pods: readonly NumberedPod[], interfaces: readonly InterfaceDescription[]): Pick<OwnerTable, "addresses" | "interfaces" | "owners"> {
  const entries = new Map<string, Entry | undefined>();
  const local = new Set<string>();
  for (const text of interfaces.flatMap(({ addresses }) => addresses)) {
    const words = parseAddress(text)?.words;
    if (words === undefined) continue;
    local.add(words.join());
    entries.set(`${words.join()} 0`, { words, interfaceIndex: 0, owner: Owner.Node });
  }
  for (const { pod: { addresses, interfaceIndex }, number } of pods) {
    for (const text of interfaceIndex > 0 ? addresses : []) {
      const words = parseAddress(text)?.words;
      // A pod that shares the node's address is the node's, whatever is said of it.
      if (words === undefined || local.has(words.join())) continue;
      const key = `${words.join()} ${interfaceIndex}`;
      // Two that claim one place: neither is believed.
      entries.set(key, entries.has(key) && entries.get(key)?.owner !== number ? undefined : { words, interfaceIndex, owner: number });
    }
  }
  const sorted = [...entries.values()].filter((entry) => entry !== undefined).sort(byAddress);
  return {
    addresses: signTurned(sorted.flatMap(({ words }) => [...words])),
    interfaces: sharedWords(sorted.map(({ interfaceIndex }) => interfaceIndex)),
    owners: sharedWords(sorted.map(({ owner }) => owner)),
  };
}

/** As unsigned words. */
function byAddress(a: Entry, b: Entry): number {
  const word = a.words.findIndex((value, index) => value !== b.words[index]);
  return word < 0 ? a.interfaceIndex - b.interfaceIndex : (a.words[word]! >>> 0) - (b.words[word]! >>> 0);
}
