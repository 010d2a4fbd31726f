/** `flowreset kill` on what people really run: it ends 0, `ss` shows the connection gone at both ends, others go on. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openIdleSessions } from "./demo/idleSession.ts";
import { bridge, iperfClient, iperfServer, Lab } from "./mod.ts";
import type { Network, SocketTuple } from "./mod.ts";
import { flowreset, SensorProcess } from "./sensor.ts";

const UPLOAD_PORT = 5_201;
/** Of the connection that carries the upload: iperf3 has another one beside it, to talk about it. */
const DATA_PORT = 45_201;
const BYSTANDER_PORT = 5_202;
/** It must outlast the kills on a machine that is busy with other things. */
const BYSTANDER_SECONDS = 15;

let net: Network;

beforeEach(async () => {
  net = await bridge(await Lab.open(["iperf3", "ssh", "sshd", "ssh-keygen"]));
});

afterEach(() => net.lab.close());

async function goneAtBothEnds(client: SocketTuple, server: SocketTuple): Promise<void> {
  expect(await net.client.namespace.socketState(client)).toBe("gone");
  expect(await net.server.namespace.socketState(server)).toBe("gone");
}

async function killsUploadAndSession(kill: (words: readonly string[]) => ReturnType<typeof flowreset>): Promise<void> {
  const { client, server } = net;
  await using bystanders = await iperfServer(server, BYSTANDER_PORT);
  await using uploads = await iperfServer(server, UPLOAD_PORT);
  // First what takes long on a busy machine.
  const [doomed, other] = await openIdleSessions(net, (text) => expect.unreachable(text));
  const bystander = await iperfClient(client, { address: server.ipv4, port: BYSTANDER_PORT, seconds: BYSTANDER_SECONDS, bitrate: "50M" });
  const upload = await iperfClient(client, { address: server.ipv4, port: UPLOAD_PORT, seconds: 600, localPort: DATA_PORT });

  const ofUpload = await kill(["kill", "--client", `${client.ipv4}:${DATA_PORT}`, "--server", `${server.ipv4}:${UPLOAD_PORT}`]);
  expect([ofUpload.code, ofUpload.stderr]).toEqual([0, expect.stringMatching(/1 matched: 1 Confirmed\n$/)]);
  await goneAtBothEnds({ localPort: DATA_PORT }, { remotePort: DATA_PORT });
  expect((await upload.exited).code).toBe(1);

  const ofSession = await kill(["kill", "--client", `${client.ipv4}:${doomed.clientPort}`, "--server", `${server.ipv4}:${doomed.serverPort}`]);
  expect([ofSession.code, ofSession.stderr]).toEqual([0, expect.stringMatching(/1 matched: 1 Confirmed\n$/)]);
  await goneAtBothEnds({ localPort: doomed.clientPort }, { remotePort: doomed.clientPort });
  expect(await doomed.ending()).toMatch(/exits with 255/);

  await other.echo("still-here");
  expect([bystander.exit, bystanders.exit, uploads.exit]).toEqual([undefined, undefined, undefined]);
  expect(await bystander.exited).toEqual({ code: 0, signal: null });
}

test("an upload and an idle ssh session die by `flowreset kill` through the running sensor, a second upload goes on to its end", async () => {
  await using sensor = await SensorProcess.start(net.node);
  await killsUploadAndSession((words) => sensor.command(words));
});

test("they die as well where no sensor runs: the command looks, asks and resets by itself", async () => {
  const nobody = ["--socket", `${net.lab.directory}/nobody.sock`, "--stop-file", `${net.lab.directory}/stop`];
  await killsUploadAndSession((words) => flowreset(net.node, [...words, ...nobody]));
});
