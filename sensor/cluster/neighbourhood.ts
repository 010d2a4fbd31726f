/**
 * Gathers what stands around the node from wherever it is told, for protection.ts to work out what must be spared: of
 * each source the API server's word, and before there is one what the disk keeps.
 */
import { parseAddress } from "../../crds/mod.ts";
import type { KubeObject, Reflector } from "../../kube/mod.ts";
import type { ProtectedCall } from "../decide/mod.ts";
import { protectedCalls } from "./protection.ts";
import type { AddressAndPorts, ProtectionInput } from "./protection.ts";
import type { KeptNeighbours } from "./stateFile.ts";
import { NO_SERVICES, ownNameServers } from "./surroundings.ts";
import type { ServiceFacts } from "./surroundings.ts";
import type { KeptEndpoints } from "./watches.ts";

type Followed = Pick<Reflector, "isSynced" | "objects">;

export class Neighbourhood {
  /** Undefined until they were told. */
  services: ServiceFacts | undefined;
  /** Of the ConfigMap of the report stream. */
  stream: Readonly<Record<string, string>> | undefined;
  readonly #watches: { readonly apiServers: Followed; readonly nameServers: Followed };
  /** As this sensor itself reaches it. */
  readonly #apiServer: AddressAndPorts | undefined;
  readonly #ownNameServers = ownNameServers();
  #restored: KeptNeighbours | undefined;

  /** @param server origin of the API server */
  constructor(watches: { readonly apiServers: Followed; readonly nameServers: Followed }, server: string) {
    this.#watches = watches;
    this.#apiServer = endpointOf(server);
  }

  /** From the disk; undefined where it keeps none. */
  restore(neighbours: KeptNeighbours | undefined): void {
    this.#restored = neighbours;
  }

  /** Whether every source was heard, now or by the last sensor here: before that what must be spared may be missing. */
  get isKnown(): boolean {
    const { apiServers, nameServers } = this.#watches;
    return this.#restored !== undefined || (apiServers.isSynced && nameServers.isSynced && this.services !== undefined);
  }

  /** For the disk. */
  get neighbours(): KeptNeighbours {
    const { apiServers, nameServers } = this.#watches;
    const { apiService, nameServices, healthCheckPorts } = this.services ?? this.#restored?.services ?? NO_SERVICES;
    return {
      apiServers: apiServers.isSynced ? endpoints(apiServers).map(copyOf) : (this.#restored?.apiServers ?? []),
      nameServers: nameServers.isSynced ? endpoints(nameServers).flatMap(({ addresses }) => addresses) : (this.#restored?.nameServers ?? []),
      services: { ...(apiService === undefined ? {} : { apiService: copyOf(apiService) }), nameServices: [...nameServices], healthCheckPorts: [...healthCheckPorts] },
    };
  }

  calls(of: Pick<ProtectionInput, "nodeAddresses" | "pods" | "internalCidrs">): ProtectedCall[] {
    const { apiServers, nameServers, services: { apiService, nameServices, healthCheckPorts } } = this.neighbours;
    const known = [...apiServers, apiService, this.#apiServer].filter((server) => server !== undefined);
    const names = new Set([...nameServices, ...nameServers, ...this.#ownNameServers]);
    return protectedCalls({ ...of, apiServers: known, nameServers: [...names], healthCheckPorts, operator: endpointOf(this.stream?.["url"] ?? "") });
  }

  /** Pod addresses of other covered nodes. */
  podCidrs(): string[] {
    try {
      const cidrs: unknown = JSON.parse(this.stream?.["podCidrs"] ?? "[]");
      return Array.isArray(cidrs) ? cidrs.filter((cidr) => typeof cidr === "string") : [];
    } catch {
      return [];
    }
  }
}

function endpoints({ objects }: { readonly objects: ReadonlyMap<string, KubeObject> }): KeptEndpoints[] {
  return [...objects.values()] as KeptEndpoints[];
}

function copyOf({ addresses, ports }: AddressAndPorts): { addresses: string[]; ports: number[] } {
  return { addresses: [...addresses], ports: [...ports] };
}

/** Undefined where the host is no address: a name leads to what the other sources tell. */
function endpointOf(url: string): AddressAndPorts | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  return parseAddress(address) === undefined ? undefined : { addresses: [address], ports: [Number(port === "" ? 443 : port)] };
}
