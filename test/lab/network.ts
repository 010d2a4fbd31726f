/** What a topology hands out: the node, the machines around it, and how each is called and reached. */
import type { Lab, RunOptions, RunResult } from "./lab.ts";
import type { Namespace } from "./namespace.ts";
import type { LabProcess } from "./process.ts";

/** A machine or pod: a namespace with one interface that matters. */
export class Station {
  readonly namespace: Namespace;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Its own interface, as seen inside. */
  readonly device: string;
  /** The interface of the node through which it is reached: the host side of its veth, or the uplink. */
  readonly nodeDevice: string;

  constructor(namespace: Namespace, ipv4: string, ipv6: string, device: string, nodeDevice: string) {
    this.namespace = namespace;
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
    this.device = device;
    this.nodeDevice = nodeDevice;
  }

  run(command: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.namespace.run(command, options);
  }

  start(command: readonly string[], options?: RunOptions): LabProcess {
    return this.namespace.start(command, options);
  }
}

export interface Network {
  lab: Lab;
  /** Where a sensor runs. */
  node: Namespace;
  /** A pod on the node. */
  client: Station;
  /** Another pod on the node (on the second node of an overlay). */
  server: Station;
  /** A machine beyond the node's uplink. */
  outside: Station;
  /** Interfaces of the node that are no pod's. */
  devices: { uplink: string; bridge?: string; tunnel?: string; mirror?: string };
  /** Addresses of the node: towards its pods and towards the outside. */
  nodeAddresses: { podIpv4: string; podIpv6: string; uplinkIpv4: string; uplinkIpv6: string };
  /** Adds a pod to the node, with veth `v<name>`; host number `number` (3 to 250) in the pod ranges. */
  addPod(name: string, number: number): Promise<Station>;
  removePod(name: string): Promise<void>;
}

/** Pod ranges of the node, and the wire between it and the outside. */
export const PODS = { ipv4: "10.244.1", ipv6: "fd00:244:1:" } as const;
export const WIRE = { ipv4: "198.51.100", ipv6: "2001:db8:100:" } as const;

export const CLIENT_NUMBER = 11;
export const SERVER_NUMBER = 12;
export const OUTSIDE_NUMBER = 9;
