import { describe, expect, it } from "vitest";
import { markKeySecret, planMarkKey, type MarkKeySecret } from "./plan.ts";

const PLACE = { namespace: "flowreset-system", name: "flowreset-mark-key", labels: {} };
const secret = (data?: Record<string, string>): MarkKeySecret => ({ apiVersion: "v1", kind: "Secret", metadata: { name: "flowreset-mark-key", uid: "u1" }, ...(data && { data }) });
const text = (value: string) => secret({ key: Buffer.from(value).toString("base64") });

describe("what is due", () => {
  it.each<[string, MarkKeySecret | undefined, string]>([
    ["there is none", undefined, "Make"],
    ["there is one", text("0123456789abcdef"), "Keep"],
    ["a person made one in an editor", text("0123456789ABCDEF\n"), "Keep"],
    ["it has no data", secret(), "Refuse"],
    ["its field has another name", secret({ other: "MDEyMzQ1Njc4OWFiY2RlZg==" }), "Refuse"],
    ["it is too short", text("0123456789abcde"), "Refuse"],
    ["it is too long", text("0123456789abcdef0"), "Refuse"],
    ["it is no number", text("0123456789abcdeg"), "Refuse"],
    ["it is not even base64", secret({ key: "%%%" }), "Refuse"],
  ])("where %s: %s", (_, found, step) => expect(planMarkKey(found).step).toBe(step));

  it("is said without a word of the secret", () => {
    const plan = planMarkKey(text("hunter2hunter2"));
    expect(plan).toMatchObject({ fault: expect.stringMatching(/^Delete the Secret flowreset-mark-key, .*: current length is 14$/) });
    expect(JSON.stringify(plan)).not.toContain("hunter2");
  });
});

describe("the Secret", () => {
  const made = markKeySecret(PLACE, Uint8Array.of(0, 1, 0x7f, 0x80, 0xff, 6, 7, 8));

  it("holds all 64 bits as a sensor reads them, and cannot be changed", () => {
    expect(Buffer.from(made.data!["key"]!, "base64").toString()).toBe("00017f80ff060708");
    expect(made).toMatchObject({ immutable: true, type: "Opaque" });
  });

  it("is kept once it is there", () => expect(planMarkKey({ ...made, metadata: { ...made.metadata, uid: "u1" } })).toEqual({ step: "Keep", uid: "u1" }));
});
