import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { identity } from "./enter.ts";
import {
  Agent, bridge, delay, download, KeepAlivePool, Lab, masquerade, mirror, missingTools, nodePort, parseSockets, pointToPoint,
  PostgresServer, postgresUnsupported, redirectPeer, sha256OfBytes, SshServer, sshUnsupported, tun, tunUnsupported, until,
  url, vxlan, WebSocketSession,
} from "./mod.ts";
import type { Network, Station } from "./mod.ts";

const asRoot = identity() === "root";
const skipped = (reason: string | undefined) => {
  if (reason !== undefined) console.log(`skipped: ${reason}`);
  return reason !== undefined;
};

const TOPOLOGIES: [string, (lab: Lab) => Promise<Network>, string | undefined][] = [
  ["bridge", bridge, undefined],
  ["pointToPoint", pointToPoint, undefined],
  ["masquerade", masquerade, undefined],
  ["nodePort", nodePort, undefined],
  ["vxlan", vxlan, undefined],
  ["redirectPeer", redirectPeer, asRoot ? undefined : "redirectPeer needs real root (eBPF)"],
  ["tun", tun, tunUnsupported()],
  ["mirror", mirror, undefined],
  ["delay", delay, undefined],
];

async function fetched(from: Station, address: string, port: number): Promise<string> {
  return (await from.run(["curl", "-sS", "-g", "-m", "10", url(address, port)])).stdout;
}

/** What of these namespaces a process of the machine still holds. */
function holders(namespaces: readonly string[]): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) =>
    ["net", "pid", "mnt"].filter((kind) => {
      try {
        return namespaces.includes(readlinkSync(`/proc/${pid}/ns/${kind}`));
      } catch {
        return false; // Ended meanwhile, or not ours.
      }
    }).map((kind) => `${pid}/${kind}`));
}

async function namespacesOf(lab: Lab): Promise<string[]> {
  const inside = ["sh", "-c", "cd /proc/self/ns; readlink net pid mnt"];
  const names = ["node", "client", "server", "outside"];
  const all = await Promise.all([lab.run(inside), ...names.map((name) => lab.adoptNamespace(name).run(inside))]);
  return all.flatMap(({ stdout }) => stdout.trim().split("\n"));
}

describe("a topology", () => {
  for (const [name, make, unsupported] of TOPOLOGIES) {
    test.skipIf(skipped(unsupported))(`${name} carries IPv4 and IPv6 from the client to the server and outside, and leaves nothing`, async () => {
      const lab = await Lab.open();
      let namespaces: string[];
      try {
        const net = await make(lab);
        for (const station of [net.server, net.outside]) {
          const agent = await Agent.start(station.namespace);
          await agent.http(80);
          expect(await fetched(net.client, station.ipv4, 80)).toBe("ok\n");
          expect(await fetched(net.client, station.ipv6, 80)).toBe("ok\n");
        }
        expect(await net.node.interfaceIndex(net.devices.uplink)).toBeGreaterThan(0);
        namespaces = await namespacesOf(lab);
        expect(holders(namespaces)).not.toEqual([]);
      } finally {
        await lab.close();
      }
      await until("every namespace to be gone", () => holders(namespaces).length === 0);
      expect(existsSync(lab.directory)).toBe(false);
      expect(readdirSync("/sys/class/net").filter((device) => ["vclient", "vserver", "up0", "br0"].includes(device))).toEqual([]);
    });
  }

  test("nodePort leads the VIP and the node port to the server pod, masquerade hides the pod", async () => {
    await using lab = await Lab.open();
    const net = await nodePort(lab, { masquerade: true });
    const agent = await Agent.start(net.server.namespace);
    const listener = await agent.listen({ port: net.targetPort, behaviour: "echo" });
    const client = await Agent.start(net.client.namespace);
    const outside = await Agent.start(net.outside.namespace);
    for (const host of [net.vipIpv4, net.vipIpv6]) await client.connect({ host, port: net.vipPort });
    await outside.connect({ host: net.nodeAddresses.uplinkIpv4, port: net.nodePort });
    await outside.connect({ host: net.nodeAddresses.uplinkIpv6, port: net.nodePort });
    const remotes = await Promise.all([0, 1, 2, 3].map(async (number) => (await listener.accepted(number)).remoteAddress));
    expect(remotes).toEqual([net.nodeAddresses.podIpv4, net.nodeAddresses.podIpv6, net.nodeAddresses.podIpv4, net.nodeAddresses.podIpv6]);
    expect(await net.node.conntrack(net.vipIpv4)).toHaveLength(1);
  });

  test("delay is 20 ms each way, and one that loses and reorders still delivers every byte", async () => {
    await using lab = await Lab.open();
    const net = await delay(lab, { lossPerMille: 5, reorderPerMille: 10, seed: 7 });
    const client = await Agent.start(net.client.namespace);
    const outside = await Agent.start(net.outside.namespace);
    const listener = await outside.listen({ port: 9000 });
    const connection = await client.connect({ host: net.outside.ipv4, port: 9000 });
    const [socket] = await net.client.namespace.sockets({ remotePort: 9000 });
    expect(Number(/\brtt:([\d.]+)/.exec(socket!.details)![1])).toBeGreaterThan(40);
    connection.flood({ bytes: 2_000_000 });
    const accepted = await listener.accepted();
    const statistics = await accepted.received(2_000_000, 60_000);
    expect(statistics.receivedSha256).toBe((await connection.statistics()).sentSha256);
    await net.relay.stop();
    expect(net.relay.stdout).toMatch(/lost [1-9]\d* reordered [1-9]/);
  });

  test.skipIf(!asRoot || skipped(missingTools(["tcpdump"])))("redirectPeer shows on the pod's interface what it sends and not what it gets", async () => {
    await using lab = await Lab.open();
    const net = await redirectPeer(lab);
    const dump = net.node.start(["tcpdump", "-nlqi", net.client.nodeDevice, "--immediate-mode", "tcp port 80"]);
    await dump.waitForOutput(/listening on/);
    const server = await Agent.start(net.server.namespace);
    await server.http(80);
    await fetched(net.client, net.server.ipv4, 80);
    await dump.waitForOutput(new RegExp(`${net.client.ipv4}\\.\\d+ > ${net.server.ipv4}\\.80`));
    await dump.stop("SIGINT");
    expect(dump.stdout).not.toContain(`${net.server.ipv4}.80 >`);
  });

  test("mirror copies both directions of the client's port to the sensor's machine", async () => {
    await using lab = await Lab.open();
    const net = await mirror(lab);
    const counters = `table netdev mirrored {
      chain in { type filter hook ingress device ${net.devices.mirror!} priority 0;
      ip saddr ${net.client.ipv4} tcp dport 80 counter; ip daddr ${net.client.ipv4} tcp sport 80 counter; }
    }`;
    await net.node.run(["nft", "-f", "-"], { input: counters });
    const outside = await Agent.start(net.outside.namespace);
    await outside.http(80);
    await fetched(net.client, net.outside.ipv4, 80);
    await until("copies of both directions", async () => {
      const { stdout } = await net.node.run(["nft", "list", "table", "netdev", "mirrored"]);
      return [...stdout.matchAll(/packets [1-9]/g)].length === 2;
    });
  });
});

describe("a lab", () => {
  test("is gone with its processes when the program that opened it is killed", async () => {
    const program = `
      import { Lab } from "${import.meta.dirname}/mod.ts";
      const lab = await Lab.open();
      const node = await lab.namespace("node");
      node.start(["sleep", "1000"]);
      const { stdout } = await node.run(["readlink", "/proc/self/ns/net", "/proc/self/ns/pid"]);
      console.log(JSON.stringify({ directory: lab.directory, namespaces: stdout.trim().split("\\n") }));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text))));
    const { directory, namespaces } = JSON.parse(line) as { directory: string; namespaces: string[] };
    expect(holders(namespaces).length).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await until("every namespace to be gone", () => holders(namespaces).length === 0);
    await until("its folder to be gone", () => !existsSync(directory));
  });

  test.skipIf(!asRoot)("works for an ordinary user, in a user namespace", () => {
    const program = `
      import { Lab, bridge, Agent } from "${import.meta.dirname}/mod.ts";
      await using lab = await Lab.open();
      const net = await bridge(lab);
      await (await Agent.start(net.server.namespace)).http(80);
      const { stdout } = await net.client.run(["curl", "-sS", "http://" + net.server.ipv4]);
      console.log(process.getuid(), lab.isRealRoot, stdout.trim());`;
    const command = [process.execPath, "--input-type=module-typescript", "-e", program];
    const result = spawnSync("setpriv", ["--reuid=54322", "--regid=54322", "--clear-groups", ...command], { encoding: "utf8", cwd: "/" });
    expect(result.stderr).toBe("");
    expect(result.stdout).toBe("54322 false ok\n");
  });

  test("names the missing tool and the package that brings it", async () => {
    await expect(Lab.open(["conntrack", "no-such-tool"])).rejects.toThrow(/apt-get install -y .*no-such-tool; missing: .*no-such-tool/);
  });

  test("says of a failing command where it ran, its exit code and its words", async () => {
    await using lab = await Lab.open();
    const node = await lab.namespace("node");
    await expect(node.run(["sh", "-c", "echo why >&2; exit 3"])).rejects.toThrow("node: sh -c echo why >&2; exit 3 failed (exit 3): why");
    await expect(node.run(["sleep", "10"], { timeoutMs: 50 })).rejects.toThrow("took longer than 50 ms");
    expect(await node.run(["false"], { check: false })).toMatchObject({ code: 1 });
  });
});

describe("traffic", () => {
  test("an agent counts the bytes after the trigger exactly, floods, pauses and says how a connection ended", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const server = await Agent.start(net.server.namespace);
    const client = await Agent.start(net.client.namespace);
    const listener = await server.listen({ port: 9000, trigger: "SECRET" });
    const connection = await client.connect({ host: net.server.ipv4, port: 9000, localPort: 45_000 });
    connection.flood({ bytes: 5_000_000, trigger: "SECRET", triggerAt: 1_000_003 });
    const accepted = await listener.acceptedFrom(45_000);
    const statistics = await accepted.received(5_000_000);
    expect(statistics.bytesAfterTrigger).toBe(5_000_000 - 1_000_003 - "SECRET".length);
    expect(statistics.receivedSha256).toBe((await connection.statistics()).sentSha256);

    accepted.pause();
    connection.flood({ bytes: 50_000_000 });
    const tuple = { remotePort: 9000 };
    await until("a zero window", async () => /\bpersist\b/.test((await net.client.namespace.sockets(tuple))[0]!.details));
    expect(await net.client.namespace.socketState(tuple)).toBe("ESTAB");
    accepted.destroy(); // With unread bytes: the kernel sends a RST.
    expect((await connection.closed).error).toBe("ECONNRESET");
    expect(await net.client.namespace.socketState(tuple)).toBe("gone");
    await expect(client.connect({ host: net.server.ipv4, port: 1 })).rejects.toThrow("ECONNREFUSED");
  });

  test("curl, a pool of kept connections and a websocket work against one server", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const server = await Agent.start(net.server.namespace);
    const client = await Agent.start(net.client.namespace);
    await server.http(80);
    const loaded = await download(net.client, url(net.server.ipv6, 80, "/bytes/300000")).finished;
    expect(loaded).toEqual({ exitCode: 0, bytes: 300_000, sha256: sha256OfBytes(300_000) });
    const pool = await KeepAlivePool.open(client, net.server.ipv4, 80, 5);
    await pool.request(4);
    const socket = await WebSocketSession.open(client, net.server.ipv4, 80);
    await socket.echo("first");
    await socket.echo("second");
  });

  test.skipIf(skipped(sshUnsupported()))("a real ssh session logs in and idles", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const server = await SshServer.start(net.server);
    const session = await server.session(net.client);
    expect(await net.client.namespace.socketState({ remotePort: server.port })).toBe("ESTAB");
    session.write("still here\n");
    await session.waitForOutput(/still here/);
  });

  test.skipIf(skipped(postgresUnsupported()))("a real PostgreSQL answers psql", async () => {
    await using lab = await Lab.open();
    const net = await bridge(lab);
    const server = await PostgresServer.start(net.server);
    expect(await server.query(net.client, "select 6 * 7")).toBe("42");
    const session = await server.session(net.client, net.server.ipv6);
    session.write("select 'again' || '!';\n");
    await session.waitForOutput(/again!/);
  });
});

describe("parseSockets()", () => {
  test("joins the two lines of each socket", () => {
    const text = "ESTAB 0      5 10.0.0.1:22 10.0.0.2:4000 timer:(on,200ms,0)\n\t cubic rtt:0.1\nLISTEN 0 128 [::]:80 [::]:*\n";
    expect(parseSockets(text)).toEqual([
      { state: "ESTAB", receiveQueueBytes: 0, sendQueueBytes: 5, local: "10.0.0.1:22", remote: "10.0.0.2:4000", details: "timer:(on,200ms,0) cubic rtt:0.1" },
      { state: "LISTEN", receiveQueueBytes: 0, sendQueueBytes: 128, local: "[::]:80", remote: "[::]:*", details: "" },
    ]);
  });
});
