import { describe, expect, it } from "vitest";
import { parseCidr } from "./values/mod.ts";
import { defaultSettings, PRIVATE_RANGES } from "./sensorSettings.ts";
import { faultsOf, leastSettings, settingsWith } from "./spec.fixture.ts";

describe("SensorSettings", () => {
  it("have every default filled in, never shared", () => {
    const settings = defaultSettings();
    expect(settings).toEqual({
      protectedEndpoints: [],
      managementPorts: [],
      sharedClients: [],
      internalCidrs: PRIVATE_RANGES,
      budgets: { connectionsPerMinute: 600 },
      timeouts: { synSent: "30s", established: "1h", closing: "60s", closed: "10s" },
    });
    settings.internalCidrs.length = 0;
    expect(defaultSettings().internalCidrs).toEqual(PRIVATE_RANGES);
    expect(PRIVATE_RANGES.every((range) => parseCidr(range) !== undefined)).toBe(true);
  });

  it.each([
    ["a host for an endpoint", { protectedEndpoints: [{ cidr: "example.com" }] }, "protectedEndpoints[0].cidr"],
    ["an endpoint without an address", { protectedEndpoints: [{ ports: ["443"] }] }, "protectedEndpoints[0].cidr"],
    ["a port as a number", { managementPorts: [22] }, "managementPorts[0]"],
    ["a timeout of nothing", { timeouts: { established: "0s" } }, "timeouts.established"],
    ["a negative budget", { budgets: { connectionsPerMinute: -1 } }, "budgets.connectionsPerMinute"],
    ["a misspelt field", { managementPort: ["22"] }, "managementPort"],
  ])("are refused for %s", (_name, spec, field) => expect(faultsOf(settingsWith(spec)).map((fault) => fault.split(": ")[0])).toEqual([field]));

  it("may be emptied: nothing internal, no resets at all", () => {
    expect(faultsOf(settingsWith({ internalCidrs: [], budgets: { connectionsPerMinute: 0 } }))).toEqual([]);
  });

  it("are for files only: a cluster has a SensorFleet", () => {
    expect(faultsOf(leastSettings, { standalone: false })).toEqual(["kind: Cannot use SensorSettings in a cluster, expected a SensorFleet: current kind is SensorSettings"]);
  });
});
