/**
 * A connection that a router refuses (a service without endpoints, a firewall that answers) is none: it is over for the
 * sensor when it is for the client, and no kill counts it. One whose SYN nobody answers may still become one.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, Lab, pointToPoint, until } from "./mod.ts";
import type { Network } from "./mod.ts";
import { SensorProcess } from "./sensor.ts";

/** Nobody has these. */
const REFUSED = { IPv4: "10.96.0.20", IPv6: "fd00:96::20" };
const SILENT = { IPv4: "10.96.0.21", IPv6: "fd00:96::21" };
const PORT = 80;

/** As kube-proxy does it for a service without endpoints. */
const refuse = ({ devices }: Network): string => `
at node ip route add 10.96.0.0/24 dev ${devices.uplink}
at node ip -6 route add fd00:96::/64 dev ${devices.uplink}
at node nft -f - <<'EOF'
table inet lab_refuse {
  chain forward {
    type filter hook forward priority 0;
    ip daddr ${REFUSED.IPv4} tcp dport ${PORT} reject
    ip6 daddr ${REFUSED.IPv6} tcp dport ${PORT} reject
    ip daddr ${SILENT.IPv4} drop
    ip6 daddr ${SILENT.IPv6} drop
  }
}
EOF`;

/** `make test` builds it where the headers of libpcap can be had. */
const hasLibpcap = existsSync(`${import.meta.dirname}/../../node_modules/cap/build/Release/cap.node`);

for (const way of ["--workers 1", "--workers 2", "--capture libpcap"]) describe.skipIf(way.endsWith("libpcap") && !hasLibpcap)(`seen with ${way}`, () => {
  let lab: Lab;
  let client: Agent;
  let sensor: SensorProcess;

  beforeAll(async () => {
    lab = await Lab.open(["nft"]);
    const net = await pointToPoint(lab);
    await lab.script(refuse(net));
    client = await Agent.start(net.client.namespace);
    sensor = await SensorProcess.start(net.node, { arguments: way.split(" ") });
  });

  afterAll(() => lab.close());

  async function states(host: string): Promise<string[]> {
    const { stdout } = await sensor.command(["flows", "--ip", host, "--json"]);
    return stdout.split("\n").filter((line) => line !== "").map((line) => (JSON.parse(line) as { state: string }).state);
  }

  async function dryKill(host: string): Promise<string> {
    return (await sensor.command(["kill", "--dry-run", "--server", host.includes(":") ? `[${host}]:${PORT}` : `${host}:${PORT}`])).stderr;
  }

  test.each(["IPv4", "IPv6"] as const)("a connection that is refused on its way is closed, one that is not answered is not: %s", async (family) => {
    client.open({ host: SILENT[family], port: PORT });
    await until("the sensor to see the SYN that nobody answers", async () => (await states(SILENT[family])).includes("SynSent"));
    const refused = client.open({ host: REFUSED[family], port: PORT });
    expect((await refused.closed).error).toBe("ECONNREFUSED");
    await until("the refused one to be over", async () => (await states(REFUSED[family])).join() === "Closed");
    expect(await dryKill(REFUSED[family])).toMatch(/^no connection matched/);
    expect(await states(SILENT[family])).toEqual(["SynSent"]);
    expect(await dryKill(SILENT[family])).toMatch(/^1 matched/);
  });
});
