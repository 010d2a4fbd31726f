/**
 * The lab: real kernels, sockets and tools in network namespaces that nobody else sees.
 *
 * **Invariant:** whatever a lab has made (namespaces, interfaces, processes, its folder) is gone when its keeper is,
 * also after a failure, a signal, or `kill -9` of the test; nothing on the machine itself is touched.
 *
 * It knows nothing of the sensor: tests start that like any other program, with `network.node.start(...)`.
 */
export { enterCommand, ENTERED_VARIABLE, identity } from "./enter.ts";
export { Lab, LAB_USER } from "./lab.ts";
export type { RunOptions, RunResult } from "./lab.ts";
export { Namespace, parseSockets } from "./namespace.ts";
export type { SocketState, SocketTuple } from "./namespace.ts";
export { Station } from "./network.ts";
export type { Network } from "./network.ts";
export { LabProcess } from "./process.ts";
export type { Exit } from "./process.ts";
export { findTool, missingTools } from "./tools.ts";
export { bridge, vlanUnsupported } from "./topologies/bridge.ts";
export type { BridgeOptions } from "./topologies/bridge.ts";
export { masquerade, nodePort } from "./topologies/nat.ts";
export type { NodePortOptions, ServiceNetwork } from "./topologies/nat.ts";
export { pointToPoint } from "./topologies/pointToPoint.ts";
export { redirectPeer, redirectPeerUnsupported } from "./topologies/redirectPeer.ts";
export { vxlan } from "./topologies/vxlan.ts";
export type { OverlayNetwork } from "./topologies/vxlan.ts";
export { delay, mirror, tun, tunUnsupported } from "./topologies/wire.ts";
export type { MirrorOptions, WireNetwork, WireOptions } from "./topologies/wire.ts";
export { until } from "./wait.ts";
export { Agent, Listener } from "./traffic/agent.ts";
export type { ConnectOptions, ListenOptions } from "./traffic/agent.ts";
export { Connection } from "./traffic/connection.ts";
export type { Closed, FloodOptions } from "./traffic/connection.ts";
export { download, KeepAlivePool, sha256OfBytes, url, WebSocketSession } from "./traffic/http.ts";
export type { Download } from "./traffic/http.ts";
export { iperfClient, iperfServer } from "./traffic/iperf.ts";
export type { IperfOptions } from "./traffic/iperf.ts";
export { PostgresServer, postgresUnsupported } from "./traffic/postgres.ts";
export type { Behaviour, Statistics } from "./traffic/protocol.ts";
export { SshServer, sshUnsupported } from "./traffic/ssh.ts";
