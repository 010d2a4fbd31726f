import { expect, test } from "vitest";
import { createLog } from "./report/mod.ts";
import { WatchedInterfaces } from "./watchedInterfaces.ts";

function watched(options: Partial<ConstructorParameters<typeof WatchedInterfaces>[0]>) {
  const lines: string[] = [];
  const log = createLog("info", false, { write: (line) => lines.push(line) });
  const interfaces = new WatchedInterfaces({ interfaces: [], captureOnly: undefined, inject: undefined, ...options }, log);
  const see = (...names: readonly string[]): string[] => {
    lines.length = 0;
    interfaces.onInterfaces(names.map((name) => ({ name: name.replace("-down", ""), up: !name.endsWith("-down") })));
    return lines.map((line) => JSON.parse(line) as { level: string; interface: string }).map((line) => `${line.level} ${line.interface}`);
  };
  return { see, interfaces };
}

test("a named interface is told once when it is away or down, and once when it is back", () => {
  const { see, interfaces } = watched({ interfaces: ["eth0", "eth1"] });
  expect(see("eth0")).toEqual(["warn eth1"]);
  expect(see("eth0")).toEqual([]);
  expect(interfaces.trouble).toBeUndefined();
  expect(see("eth0-down", "eth1")).toEqual(["warn eth0", "info eth1"]);
  expect(see("eth0", "eth1")).toEqual(["info eth0"]);
});

test("a glob is there as long as one interface fits it", () => {
  const { see, interfaces } = watched({ interfaces: ["veth*"] });
  expect(see("veth1", "veth2")).toEqual([]);
  expect(see("veth2")).toEqual([]);
  expect(see("eth0")).toEqual(["warn veth*"]);
  expect(interfaces.trouble).toBe("none of the interfaces to watch is there and up: veth*");
  see("veth3");
  expect(interfaces.trouble).toBeUndefined();
});

test("a mirror port and the interface that resets leave by are both watched, and the port alone is needed to see", () => {
  const { see, interfaces } = watched({ captureOnly: "mirror0", inject: "eth9" });
  expect(see("mirror0")).toEqual(["warn eth9"]);
  expect(interfaces.trouble).toBeUndefined();
  expect(see("eth9")).toEqual(["warn mirror0", "info eth9"]);
  expect(interfaces.trouble).toMatch(/mirror0/);
});

test("where nobody named one, nothing is told", () => {
  const { see, interfaces } = watched({ captureOnly: undefined, inject: "route" });
  expect([see(), interfaces.trouble]).toEqual([[], undefined]);
});
