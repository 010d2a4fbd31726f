/** The bridge with address translation on the node: the way out (masquerade) and the ways in (VIP, node port). */
import type { Lab } from "../lab.ts";
import { PODS, SERVER_NUMBER, WIRE } from "../network.ts";
import type { Network } from "../network.ts";
import { bridge } from "./bridge.ts";
import { pointToPoint } from "./pointToPoint.ts";

/** Pods leave by SNAT: the outside sees the node's uplink address and has no route to the pods. */
export async function masquerade(lab: Lab): Promise<Network> {
  const network = await bridge(lab, { routesToPods: false });
  await lab.script(`
at node nft -f - <<'EOF'
table inet lab_nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "up0" ip saddr ${PODS.ipv4}.0/24 masquerade
    oifname "up0" ip6 saddr ${PODS.ipv6}:/64 masquerade
  }
}
EOF`);
  return network;
}

export interface ServiceNetwork extends Network {
  /** A ClusterIP that no interface holds: port `vipPort` leads to the server pod's `targetPort`. */
  vipIpv4: string;
  vipIpv6: string;
  vipPort: number;
  /** The same at the node's uplink address, for the outside. */
  nodePort: number;
  targetPort: number;
}

export interface NodePortOptions {
  /** True: what comes in from outside is also masqueraded (externalTrafficPolicy: Cluster). */
  masquerade?: boolean;
  targetPort?: number;
  /** True: the pods are routed, so that a ClusterIP needs no masquerade between them. */
  routed?: boolean;
}

/** What the client's own bridge would answer directly must come back this way. */
const BACK_BY_THE_NODE = `ct status dnat ip saddr ${PODS.ipv4}.0/24 ip daddr ${PODS.ipv4}.0/24 masquerade
    ct status dnat ip6 saddr ${PODS.ipv6}:/64 ip6 daddr ${PODS.ipv6}:/64 masquerade`;

/** The server pod behind a ClusterIP and a node port, as kube-proxy does it. */
export async function nodePort(lab: Lab, options: NodePortOptions = {}): Promise<ServiceNetwork> {
  const network = await (options.routed ? pointToPoint(lab) : bridge(lab));
  const service = { vipIpv4: "10.96.0.10", vipIpv6: "fd00:96::10", vipPort: 80, nodePort: 30_080, targetPort: options.targetPort ?? 8080 };
  const target4 = `${PODS.ipv4}.${SERVER_NUMBER}:${service.targetPort}`;
  const target6 = `[${PODS.ipv6}:${SERVER_NUMBER}]:${service.targetPort}`;
  const both = `
    ip daddr ${service.vipIpv4} tcp dport ${service.vipPort} dnat ip to ${target4}
    ip6 daddr ${service.vipIpv6} tcp dport ${service.vipPort} dnat ip6 to ${target6}
    ip daddr ${WIRE.ipv4}.1 tcp dport ${service.nodePort} dnat ip to ${target4}
    ip6 daddr ${WIRE.ipv6}:1 tcp dport ${service.nodePort} dnat ip6 to ${target6}`;
  await lab.script(`
at node nft -f - <<'EOF'
table inet lab_nat {
  chain pre { type nat hook prerouting priority -100; ${both}
  }
  chain out { type nat hook output priority -100; ${both}
  }
  chain post {
    type nat hook postrouting priority 100;
    ${options.routed ? "" : BACK_BY_THE_NODE}
    ${options.masquerade ? `ct status dnat ip saddr ${WIRE.ipv4}.0/24 masquerade\nct status dnat ip6 saddr ${WIRE.ipv6}:/64 masquerade` : ""}
  }
}
EOF
ip -n outside route add ${service.vipIpv4} via ${WIRE.ipv4}.1
ip -n outside -6 route add ${service.vipIpv6} via ${WIRE.ipv6}:1`);
  return { ...network, ...service };
}
