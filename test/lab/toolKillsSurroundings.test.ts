/** What happens around a sensor that runs: interfaces go and come back, a second sensor wants the same socket. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Arena, sensorSetup } from "./adversary/arena.ts";
import { Agent, bridge, mirror } from "./mod.ts";
import { flowreset, SensorProcess } from "./sensor.ts";

const PORT = 9_095;
const CLIENT_NUMBER = 11;

describe.each([
  { how: "all interfaces", more: [] },
  { how: "interfaces by name", more: ["--interface", "vclient", "vserver"] },
  { how: "interfaces by name, by two Workers", more: ["--interface", "vclient", "vserver", "--workers", "2"] },
])("a sensor that watches $how", ({ more }) => {
  let arena: Arena;

  beforeEach(async () => {
    arena = await Arena.open(bridge, more);
    await arena.server.listen({ port: PORT, behaviour: "echo" });
  });

  afterEach(() => arena.close());

  test("loses one, keeps the rest, says so, and has it again when it is back", async () => {
    const { net, client, outside, sensor } = arena;
    await arena.attacks(await arena.echoing(client, PORT));
    const neighbour = await arena.echoing(outside, PORT);
    await client.process.stop();
    await net.removePod("client");
    if (more.length > 0) await sensor.process.waitForOutput(/"interface":"vclient".*interface is not there/);
    await arena.attacks(await arena.echoing(outside, PORT));
    await arena.stillEchoes(neighbour);

    const again = await Agent.start((await net.addPod("client", CLIENT_NUMBER)).namespace);
    if (more.length > 0) await sensor.process.waitForOutput(/"interface":"vclient".*interface is back/);
    // As pods do it with their first look-up: by it the node learns that another MAC has the address now.
    await expect(again.connect({ host: net.nodeAddresses.podIpv4, port: 1 })).rejects.toThrow("ECONNREFUSED");
    const beside = await arena.echoing(again, PORT);
    await arena.attacks(await arena.echoing(again, PORT));
    await arena.stillEchoes(beside);
    await arena.stillEchoes(neighbour);
    expect(sensor.process.exit).toBeUndefined();
  });
});

test("a second sensor on the same socket says who has it and ends with 4; the first one answers and acts as before", async () => {
  const arena = await Arena.open();
  const { net, client, server, sensor } = arena;
  await server.listen({ port: PORT, behaviour: "echo" });
  const second = await flowreset(net.node, ["sensor", "--policies", sensor.directory, "--socket", sensor.socket, "--listen", "none"]);
  expect([second.code, second.stdout]).toEqual([4, ""]);
  expect(second.stderr).toMatch(/Cannot start a second sensor: .*sensor\.sock belongs to one that runs/);
  const flows = await sensor.command(["flows"]);
  expect([flows.code, flows.stderr]).toEqual([0, ""]);
  await arena.attacks(await arena.echoing(client, PORT));
  await using other = await SensorProcess.start(net.node, sensorSetup(net.lab));
  expect((await other.command(["flows"])).code).toBe(0);
  await arena.close();
});

test("the interface to inject by is followed by its name when it is deleted and made again", async () => {
  const make = `
ip link add inject0 netns node type veth peer name vinject netns switch
ip -n switch link set vinject master br0 up
ip -n node addr add 10.244.1.77/24 dev inject0
ip -n node link set inject0 up`;
  const arena = await Arena.open(async (lab) => {
    const net = await mirror(lab);
    await lab.script(make);
    return net;
  }, ["--capture-only", "mirror0", "--inject", "inject0"]);
  const { net, client, server, sensor } = arena;
  await server.listen({ port: PORT, behaviour: "echo" });
  const neighbour = await arena.echoing(client, PORT);
  await arena.attacks(await arena.echoing(client, PORT));
  await net.lab.script("ip -n node link del inject0");
  await sensor.process.waitForOutput(/"interface":"inject0".*interface is not there/);
  await net.lab.script(make);
  await sensor.process.waitForOutput(/"interface":"inject0".*interface is back/);
  await arena.attacks(await arena.echoing(client, PORT));
  await arena.stillEchoes(neighbour);
  expect(sensor.process.exit).toBeUndefined();
  await arena.close();
});
