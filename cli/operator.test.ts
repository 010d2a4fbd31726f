import { describe, expect, it } from "vitest";
import { ExitCode } from "./mod.ts";
import { makeWorld } from "./world.fixture.ts";

const POD = { POD_NAME: "operator-0", POD_NAMESPACE: "flowreset-system", POD_IP: "10.0.0.7", SENSOR_IMAGE: "flowreset:1", SENSOR_SERVICE_ACCOUNT: "sensors" };

describe("flowreset operator", () => {
  it("takes what it needs from its pod, and ends when it is told to", async () => {
    using world = makeWorld({ env: POD });
    const ended = world.run("operator");
    await expect.poll(() => world.operated).toHaveLength(1);
    world.signal("SIGHUP");
    world.signal("SIGTERM");
    expect((await ended).code).toBe(ExitCode.Ok);
    expect(world.operated[0]).toMatchObject({
      namespace: "flowreset-system",
      identity: "operator-0",
      address: "10.0.0.7",
      reportListen: ":8443",
      metricsListen: ":9443",
      profilingListen: undefined,
      sensorServiceAccount: "sensors",
      sensorImage: "flowreset:1",
    });
  });

  it.each(["--listen", "--health-listen"])("cannot do without what stands at %s, and offers no none", async (option) => {
    using world = makeWorld({ env: POD });
    for (const word of ["none", "8443"]) {
      const { code, err } = await world.run("operator", option, word);
      expect([code, err]).toEqual([ExitCode.BadInput, expect.stringContaining(`Write the address to listen on as HOST:PORT (IPv6 in brackets), got ${word}`)]);
      expect(err).not.toContain("or none");
    }
    expect(world.operated).toEqual([]);
  });

  for (const [what, env, words] of [
    ["a namespace", {}, /Give --namespace/],
    ["an address", { POD_NAMESPACE: "a", POD_IP: "here" }, /Give POD_IP as an address .*got here/],
  ] as const) {
    it(`asks for ${what} where nobody said it`, async () => {
      using world = makeWorld({ env });
      const { code, err } = await world.run("operator");
      expect(code).toBe(ExitCode.BadInput);
      expect(err).toMatch(words);
    });
  }
});
