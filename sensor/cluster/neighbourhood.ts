/** Gathers what stands around the node from wherever it is told, for protection.ts to work out what must be spared. */
import { parseAddress } from "../../crds/mod.ts";
import type { KubeObject } from "../../kube/mod.ts";
import type { ProtectedCall } from "../decide/mod.ts";
import { protectedCalls } from "./protection.ts";
import type { AddressAndPorts, ProtectionInput } from "./protection.ts";
import { NO_SERVICES, ownNameServers } from "./surroundings.ts";
import type { ServiceFacts } from "./surroundings.ts";
import type { KeptEndpoints, Watches } from "./watches.ts";

export class Neighbourhood {
  services: ServiceFacts = NO_SERVICES;
  /** Of the ConfigMap of the report stream. */
  stream: Readonly<Record<string, string>> | undefined;
  readonly #watches: Pick<Watches, "apiServers" | "nameServers">;
  /** As this sensor itself reaches it. */
  readonly #apiServer: AddressAndPorts | undefined;
  readonly #ownNameServers = ownNameServers();

  /** @param server origin of the API server */
  constructor(watches: Pick<Watches, "apiServers" | "nameServers">, server: string) {
    this.#watches = watches;
    this.#apiServer = endpointOf(server);
  }

  calls(of: Pick<ProtectionInput, "nodeAddresses" | "pods" | "internalCidrs">): ProtectedCall[] {
    const { apiService, nameServices, healthCheckPorts } = this.services;
    const apiServers = [...endpoints(this.#watches.apiServers), apiService, this.#apiServer].filter((known) => known !== undefined);
    const nameServers = new Set([...nameServices, ...endpoints(this.#watches.nameServers).flatMap(({ addresses }) => addresses), ...this.#ownNameServers]);
    return protectedCalls({ ...of, apiServers, nameServers: [...nameServers], healthCheckPorts, operator: endpointOf(this.stream?.["url"] ?? "") });
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

/** Undefined where the host is no address: a name leads to what the other sources tell. */
function endpointOf(url: string): AddressAndPorts | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  return parseAddress(address) === undefined ? undefined : { addresses: [address], ports: [Number(port === "" ? 443 : port)] };
}
