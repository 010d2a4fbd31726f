import { describe, expect, it } from "vitest";
import { ownSessions, parseSshConnection } from "./ownSession.ts";

describe("parseSshConnection()", () => {
  it.each([
    ["203.0.113.7 50122 10.0.0.5 22", { client: { ip: "203.0.113.7", port: 50122 }, server: { ip: "10.0.0.5", port: 22 } }],
    ["fe80::1%eth0 50122 fe80::2%eth0 22", { client: { ip: "fe80::1", port: 50122 }, server: { ip: "fe80::2", port: 22 } }],
    ["203.0.113.7 50122 10.0.0.5", undefined],
    ["203.0.113.7 0 10.0.0.5 22", undefined],
    ["203.0.113.7 70000 10.0.0.5 22", undefined],
    ["", undefined],
  ])("reads %j", (text, session) => {
    expect(parseSshConnection(text)).toEqual(session);
  });
});

describe("ownSessions()", () => {
  const parents: Record<number, number> = { 40: 30, 30: 20, 20: 1 };
  const environments: Record<number, string[]> = { 30: ["SUDO_UID=1"], 20: ["A=b", "SSH_CONNECTION=203.0.113.7 50122 10.0.0.5 22"] };

  it("asks the parents, since sudo hides the session from its child", () => {
    const sessions = ownSessions(40, (pid) => environments[pid] ?? [], (pid) => parents[pid] ?? 0);
    expect(sessions).toEqual([{ client: { ip: "203.0.113.7", port: 50122 }, server: { ip: "10.0.0.5", port: 22 } }]);
  });

  it("ends where a process is its own parent", () => {
    expect(ownSessions(40, () => [], () => 40)).toEqual([]);
  });

  it("finds its way through the real /proc without an exception", () => {
    expect(Array.isArray(ownSessions(process.pid))).toBe(true);
  });
});
