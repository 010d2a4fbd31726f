/** Pieces of shell text that topologies are made of: see `Lab.script` for `at` and `newns`. */
import { OUTSIDE_NUMBER, PODS, WIRE } from "../network.ts";

/** Gives `device` of `name` both addresses (with prefix length), usable at once, and takes it up. */
export function addressScript(name: string, device: string, ipv4: string, ipv6: string): string {
  return `
ip -n ${name} addr add ${ipv4} dev ${device}
ip -n ${name} addr add ${ipv6} dev ${device} nodad
ip -n ${name} link set ${device} up`;
}

/** Turns a namespace into a router like a Kubernetes node: it forwards, and tracks connections. */
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

/**
 * The far ends of veths get indexes of their own: where both ends have the same number (each in its namespace) the
 * kernel reports their carrier up to a second late (linkwatch_urgent_event compares just the numbers).
 *
 * This makes the uplink `up0` of the namespace `node`, and the machine `outside` (eth0) at its far end.
 */
export function outsideScript(node: string): string {
  return `
newns outside
ip link add up0 netns ${node} type veth peer name eth0 index 900 netns outside
${outsideAddressScript(node, "up0", "eth0")}`;
}

/** The same wire with a VLAN on it: `vlan0` at both ends. */
export function vlanOutsideScript(node: string, vlan: number): string {
  return `
newns outside
ip link add up0 netns ${node} type veth peer name eth0 index 900 netns outside
ip -n ${node} link set up0 up
ip -n outside link set eth0 up
ip -n ${node} link add link up0 name vlan0 type vlan id ${vlan}
ip -n outside link add link eth0 name vlan0 type vlan id ${vlan}
${outsideAddressScript(node, "vlan0", "vlan0")}`;
}

/** The addresses of both ends of the wire to the outside, and the node's default routes. */
export function outsideAddressScript(node: string, uplink: string, outsideDevice: string): string {
  return `
${addressScript("outside", outsideDevice, `${WIRE.ipv4}.${OUTSIDE_NUMBER}/24`, `${WIRE.ipv6}:${OUTSIDE_NUMBER}/64`)}
${addressScript(node, uplink, `${WIRE.ipv4}.1/24`, `${WIRE.ipv6}:1/64`)}
ip -n ${node} route add default via ${WIRE.ipv4}.${OUTSIDE_NUMBER}
ip -n ${node} -6 route add default via ${WIRE.ipv6}:${OUTSIDE_NUMBER}`;
}

/** Routes by which the outside reaches the pods; without them they must leave by SNAT. */
export const ROUTES_TO_PODS = `
ip -n outside route add ${PODS.ipv4}.0/24 via ${WIRE.ipv4}.1
ip -n outside -6 route add ${PODS.ipv6}:/64 via ${WIRE.ipv6}:1`;
