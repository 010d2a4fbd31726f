/** From the machine's interfaces and the options to what a Worker captures and how it sends. */
import type { CaptureFilter } from "./capture/mod.ts";
import { interfaceMatches } from "../crds/mod.ts";
import type { InterfaceDescription } from "./detect/mod.ts";
import type { InjectRoute } from "./inject/mod.ts";
import type { SensorOptions } from "./options.ts";
import { SensorError } from "./options.ts";
import type { Topology } from "./topology/mod.ts";

type CaptureChoice = Pick<SensorOptions, "interfaces" | "captureOnly" | "inject" | "workers">;

/**
 * Without --interface everything but bridges: what passes a bridge passes its ports, where each packet is nearer to
 * its sender. A bridge that has no port of ours is a machine's own way out and stays.
 */
export function captureFilter(topology: Pick<Topology, "interfaces" | "pods" | "localPrefixes">, options: CaptureChoice, worker: number): CaptureFilter {
  const interfaces = topology.interfaces();
  // Both find no room in one filter.
  const share = options.workers > 1 ? { share: { worker, workers: options.workers, local: topology.localPrefixes() } } : { pods: topology.pods() };
  const globs = options.captureOnly === undefined ? options.interfaces : [options.captureOnly];
  if (globs.length > 0) {
    return { ...share, interfaces: interfaces.filter(({ name }) => globs.some((glob) => interfaceMatches(glob, name))).map(({ index }) => index) };
  }
  const hasPods = interfaces.some(({ kind }) => kind === "Pod");
  const bridges = hasPods ? interfaces.filter(({ kind }) => kind === "Bridge").map(({ index }) => index) : [];
  return { ...share, excludedInterfaces: bridges };
}

export function interfaceNames(interfaces: readonly InterfaceDescription[]): [number, string][] {
  return interfaces.map(({ index, name }) => [index, name]);
}

/** A mirror port's packets do not pass this machine: everything goes by raw sockets, as routes say or by one interface. */
export function routeOf(interfaces: readonly InterfaceDescription[], options: CaptureChoice): { route: InjectRoute; injectDevice: string } {
  if (options.captureOnly === undefined) return { route: "near", injectDevice: "" };
  const device = options.inject === undefined || options.inject === "route" ? "" : options.inject;
  if (device === "") return { route: { interfaceIndex: 0 }, injectDevice: "" };
  const found = interfaces.find(({ name }) => name === device);
  if (found === undefined) throw new SensorError("BadInput", `Cannot inject by an interface that is not there: ${device}`, "ip link shows their names");
  return { route: { interfaceIndex: found.index }, injectDevice: device };
}

/** Follows the interface to inject by through its name: a device that is deleted and made again is another one. */
export class InjectDevice {
  readonly #name: string;
  #index: number;

  constructor({ route, injectDevice }: ReturnType<typeof routeOf>) {
    this.#name = injectDevice;
    this.#index = route === "near" ? 0 : route.interfaceIndex;
  }

  /** The new route where it is another interface than before; while it is gone the old one stays. */
  onInterfaces(interfaces: readonly Pick<InterfaceDescription, "index" | "name">[]): InjectRoute | undefined {
    const found = this.#name === "" ? undefined : interfaces.find(({ name }) => name === this.#name);
    if (found === undefined || found.index === this.#index) return undefined;
    this.#index = found.index;
    return { interfaceIndex: found.index };
  }
}
