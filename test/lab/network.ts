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
  /** Adds a pod to the node; host number `number` (3 to 250) in the pod ranges. */
  addPod(name: string, number: number): Promise<Station>;
  removePod(name: string): Promise<void>;
}

/** Pod ranges of the node, and the wire between it and the outside. */
export const PODS = { ipv4: "10.244.1", ipv6: "fd00:244:1:" } as const;
export const WIRE = { ipv4: "198.51.100", ipv6: "2001:db8:100:" } as const;

export const CLIENT_NUMBER = 11;
export const SERVER_NUMBER = 12;
export const OUTSIDE_NUMBER = 9;

/** Shell text that turns a namespace into a router like a Kubernetes node: it forwards, and tracks connections. */
export function routerScript(name: string): string {
  return `
at ${name} sh -euc '
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
  for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done
  # Pods on one bridge pass the same rules as all others, as Kubernetes wants it.
  for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e $f ] || echo 1 >$f; done
'
at ${name} nft -f - <<'EOF'
table inet lab {
  counter invalid_forward {}
  counter invalid_output {}
  chain forward { type filter hook forward priority 0; ct state invalid counter name invalid_forward; }
  chain output { type filter hook output priority 0; ct state invalid counter name invalid_output; }
}
EOF`;
}

/** Shell text that makes the uplink `up0` of `node` and the machine at its far end, namespace `outside`. */
export function outsideScript(node: string): string {
  return `
ip netns add outside
ip -n outside link set lo up
ip link add up0 netns ${node} type veth peer name eth0 netns outside
${addressScript("outside", "eth0", `${WIRE.ipv4}.${OUTSIDE_NUMBER}/24`, `${WIRE.ipv6}:${OUTSIDE_NUMBER}/64`)}
${addressScript(node, "up0", `${WIRE.ipv4}.1/24`, `${WIRE.ipv6}:1/64`)}
ip -n ${node} route add default via ${WIRE.ipv4}.${OUTSIDE_NUMBER}
ip -n ${node} -6 route add default via ${WIRE.ipv6}:${OUTSIDE_NUMBER}`;
}

/** Shell text: routes by which the outside reaches the pods (without them they must leave by SNAT). */
export const ROUTES_TO_PODS = `
ip -n outside route add ${PODS.ipv4}.0/24 via ${WIRE.ipv4}.1
ip -n outside -6 route add ${PODS.ipv6}:/64 via ${WIRE.ipv6}:1`;

/** Shell text: gives `device` of `name` both addresses, usable at once, and takes it up. */
export function addressScript(name: string, device: string, ipv4: string, ipv6: string): string {
  return `
ip -n ${name} addr add ${ipv4} dev ${device}
ip -n ${name} addr add ${ipv6} dev ${device} nodad
ip -n ${name} link set ${device} up`;
}
