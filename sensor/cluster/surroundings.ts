/** What stands around the node and must be spared, as the API server's services tell it; see protection.ts. */
import { readFileSync } from "node:fs";
import { RESOURCES } from "../../kube/mod.ts";
import type { KubeClient, KubeObject } from "../../kube/mod.ts";
import type { AddressAndPorts } from "./protection.ts";
import { NAME_SERVICE } from "./watches.ts";

/** Their addresses never change while they live; a watch of each on every node would cost more than it tells. */
const POLL_MS = 10 * 60_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export interface ServiceFacts {
  /** The kubernetes service. */
  readonly apiService: AddressAndPorts | undefined;
  readonly nameServices: readonly string[];
  readonly healthCheckPorts: readonly number[];
}

export const NO_SERVICES: ServiceFacts = { apiService: undefined, nameServices: [], healthCheckPorts: [] };

interface ServiceSpec {
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ports?: readonly { readonly port: number }[];
  readonly healthCheckNodePort?: number;
}

export class ServicePoll {
  readonly #client: KubeClient;
  readonly #onFacts: (facts: ServiceFacts) => void;
  readonly #onFault: (error: Error | undefined) => void;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #retryMs = 0;

  constructor(client: KubeClient, onFacts: (facts: ServiceFacts) => void, onFault: (error: Error | undefined) => void) {
    this.#client = client;
    this.#onFacts = onFacts;
    this.#onFault = onFault;
  }

  start(): void {
    void this.#poll();
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  async #poll(): Promise<void> {
    let fault: Error | undefined;
    try {
      this.#onFacts(await this.#ask());
    } catch (error) {
      fault = error as Error;
    }
    if (this.#ended.signal.aborted) return;
    this.#onFault(fault);
    this.#retryMs = fault === undefined ? 0 : Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, 2 * this.#retryMs));
    this.#timer = setTimeout(() => void this.#poll(), (fault === undefined ? POLL_MS : this.#retryMs) * (0.8 + 0.4 * Math.random()));
    this.#timer.unref();
  }

  async #ask(): Promise<ServiceFacts> {
    const { signal } = this.#ended;
    const list = (options: object) => this.#client.listAll(RESOURCES.services, { ...options, resourceVersion: "0", signal });
    const [api, names, balanced] = await Promise.all([
      list({ namespace: "default", fieldSelector: "metadata.name=kubernetes" }),
      list(NAME_SERVICE),
      list({ fieldSelector: "spec.type=LoadBalancer" }),
    ]);
    const apiService = api.items.map(specOf).map((spec) => ({ addresses: addressesOf(spec), ports: (spec.ports ?? []).map(({ port }) => port) }))[0];
    const healthCheckPorts = balanced.items.map(specOf).flatMap(({ healthCheckNodePort = 0 }) => (healthCheckNodePort > 0 ? [healthCheckNodePort] : []));
    return { apiService, nameServices: names.items.map(specOf).flatMap(addressesOf), healthCheckPorts: [...new Set(healthCheckPorts)].sort((a, b) => a - b) };
  }
}

function specOf({ spec }: KubeObject): ServiceSpec {
  return (spec ?? {}) as ServiceSpec;
}

function addressesOf({ clusterIP, clusterIPs }: ServiceSpec): string[] {
  return [...new Set([clusterIP, ...(clusterIPs ?? [])])].filter((address): address is string => address !== undefined && address !== "" && address !== "None");
}

/** Whom this program itself asks for names; of a link-local one without its interface, which no packet carries. */
export function ownNameServers(file = "/etc/resolv.conf"): string[] {
  try {
    return [...readFileSync(file, "utf8").matchAll(/^nameserver\s+([^\s%]+)/gm)].map(([, address]) => address!);
  } catch {
    return [];
  }
}
