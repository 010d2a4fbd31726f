import { describe, expect, it } from "vitest";
import { InjectDevice } from "./captureScope.ts";

describe("the interface to inject by", () => {
  it("is followed by its name: while it is gone the old one stays, and another one of that name takes its place", () => {
    const device = new InjectDevice({ route: { interfaceIndex: 3 }, injectDevice: "eth1" });
    expect(device.onInterfaces([{ index: 2, name: "eth0" }, { index: 3, name: "eth1" }])).toBeUndefined();
    expect(device.onInterfaces([{ index: 2, name: "eth0" }])).toBeUndefined();
    const again = [{ index: 2, name: "eth0" }, { index: 9, name: "eth1" }];
    expect(device.onInterfaces(again)).toEqual({ interfaceIndex: 9 });
    expect(device.onInterfaces(again)).toBeUndefined();
  });

  it("is none where nobody named one", () => {
    for (const route of ["near", { interfaceIndex: 0 }] as const) {
      expect(new InjectDevice({ route, injectDevice: "" }).onInterfaces([{ index: 9, name: "" }])).toBeUndefined();
    }
  });
});
