/**
 * Messages as Linux 6.18 sent them to an unprivileged socket (in the lab's topologies bridge and vxlan), little-endian.
 * One attribute a line, its number behind the #; statistics and the driver's own data (IFLA_INFO_DATA) are cut out.
 */
import { readMessages } from "./netlink.ts";
import type { NetlinkMessage } from "./netlink.ts";

const RECORDED = {
  loopback: `
    4c000000100002000700000050000000 00000403010000004900010000000000
    070003006c6f0000                 # 3 name "lo"
    08000d00e8030000                 # 13
    0500100000000000                 # 16
    0800040000000100                 # 4 MTU 65536
    0a0001000000000000000000         # 1 hardware address`,
  bridge: `
    5c000000100002000700000050000000 00000100020000004310010000000000
    0800030062723000                 # 3 name "br0"
    08000d00e8030000                 # 13
    0500100006000000                 # 16
    08000400dc050000                 # 4
    0a0001002ecb975b48bb0000         # 1
    100012000b0001006272696467650000 # 18 information: kind "bridge"`,
  uplink: `
    6c000000100002000700000050000000 00000100030000004310010000000000
    0800030075703000                 # 3 name "up0"
    08000d00e8030000                 # 13
    0500100006000000                 # 16
    08000400dc050000                 # 4
    0a0001001edc583926800000         # 1
    10001200090001007665746800000000 # 18 kind "veth"
    0800250000000000                 # 37 the peer's namespace
    0800050002000000                 # 5 the peer's index there`,
  pod: `
    78000000100002000700000050000000 00000100040000004310010000000000
    0c00030076636c69656e7400         # 3 name "vclient"
    08000d00e8030000                 # 13
    0500100006000000                 # 16
    08000400dc050000                 # 4
    08000a0002000000                 # 10 master: br0
    0a0001002ecb975b48bb0000         # 1
    10001200090001007665746800000000 # 18 kind "veth"
    0800250001000000                 # 37
    0800050002000000                 # 5`,
  addressIpv4: `
    4c000000140002000700000050000000 0218800003000000
    08000100c6336401                 # 1
    08000200c6336401                 # 2 local 198.51.100.1
    0800030075703000                 # 3
    0800080080000000                 # 8
    14000600ffffffffffffffffbce70500bce70500`,
  addressIpv6: `
    48000000140002000700000050000000 0a40820003000000
    1400010020010db8010000000000000000000001 # 1
    14000600ffffffffffffffffbce70500bce70500
    0800080082000000`,
  defaultRoute: `
    34000000180002000700000050000000 02000000fe03000100000000
    08000f00fe000000                 # 15 table main
    08000500c6336409                 # 5 gateway 198.51.100.9
    0800040003000000                 # 4 out by 3`,
  linkRoute: `
    3c000000180002000700000050000000 02180000fe02fd0100000000
    08000f00fe000000
    080001000af40100                 # 1 to 10.244.1.0
    080007000af40101                 # 7
    0800040002000000`,
  multipathRoute: `
    50000000180002000700000050000000 02180000fe03000100000000
    08000f00fe000000
    08000100cb007100                 # 1 to 203.0.113.0
    24000900 10000000 03000000 08000500c6336409 10000000 03000000 08000500c6336408 # 9`,
  localRoute: `
    3c000000180002000700000050000000 02200000ff02fe0200000000
    08000f00ff000000                 # 15 table local
    080001000af40101
    080007000af40101
    0800040002000000`,
  routeIpv6: `
    74000000180002000700000050000000 0a000000fe03000100000000
    08000f00fe000000
    0800060000040000                 # 6 priority 1024
    1400050020010db8010000000000000000000009 # 5
    0800040003000000
    24000c000000000000000000000000000000000000000000000000000000000000000000
    0500140000000000`,
  neighbourIpv4: `
    4c0000001c0002000700000050000000 020000000200000008000001
    080001000af4010b                 # 1 10.244.1.11
    0a0002005612eb7c49ed0000         # 2 its hardware address
    0800040000000000
    14000300a2170000320000003200000001000000`,
  neighbourPermanent: `
    580000001c0002000700000076000000 0a0000000400000080000001
    14000100fd000244000200000000000000000000 # 1 fd00:244:2::
    0a0002000a58000000020000
    0800040000000000
    14000300d1000000d1000000d100000000000000`,
  forwarding: `
    4c0000001c0002000700000050000000 070000000400000002000000
    0a0002005612eb7c49ed0000         # 2
    0800090002000000                 # 9 of bridge 2
    08000f0000000000
    1400030000000000cd0000003100000000000000`,
  forwardingTunnel: `
    440000001c0002000700000076000000 0700000004000000c0000201
    0a0002000a58000000020000         # 2
    08000100c6336402                 # 1 sent to 198.51.100.2
    1400030000000000d2000000d200000000000000`,
} as const;

export type RecordedName = keyof typeof RECORDED;

/** The bytes, with the length at their head set right. */
export function recordedBytes(name: RecordedName): Uint8Array {
  const bytes = Buffer.from(RECORDED[name].replaceAll(/#.*$/gm, "").replaceAll(/\s+/g, ""), "hex");
  bytes.writeUInt32LE(bytes.length, 0);
  return bytes;
}

/** The message; `type` and `flags` in place of those recorded. */
export function recorded(name: RecordedName, change: { type?: number; flags?: number } = {}): NetlinkMessage {
  const bytes = recordedBytes(name);
  const { messages } = readMessages(bytes, bytes.length);
  return { ...messages[0]!, ...change };
}
