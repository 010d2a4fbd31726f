import { describe, expect, it } from "vitest";
import { KubeError, readRetryAfter, readStatus } from "./kubeError.ts";

describe("a refusal is read from whatever the body is", () => {
  it.each([
    [403, '{"kind":"Status","reason":"Forbidden","message":"no"}', { reason: "Forbidden", message: "no", retryAfterMs: undefined }],
    [409, '{"kind":"Status","message":"no reason"}', { reason: "Conflict", message: "no reason", retryAfterMs: undefined }],
    [429, '{"kind":"Status","reason":"TooManyRequests","message":"slow","details":{"retryAfterSeconds":3}}', { reason: "TooManyRequests", message: "slow", retryAfterMs: 3_000 }],
    [429, '{"kind":"Status","details":{"retryAfterSeconds":-3}}', { reason: "TooManyRequests", message: "no text", retryAfterMs: undefined }],
    [502, "<html>\n <b>Bad gateway</b>", { reason: "HTTP 502", message: "<html> <b>Bad gateway</b>", retryAfterMs: undefined }],
    [503, "", { reason: "ServiceUnavailable", message: "no text", retryAfterMs: undefined }],
    [500, "null", { reason: "InternalError", message: "null", retryAfterMs: undefined }],
    [500, '{"kind":"Status","reason":7,"message":[]}', { reason: "InternalError", message: "no text", retryAfterMs: undefined }],
    [404, '"text"', { reason: "NotFound", message: '"text"', retryAfterMs: undefined }],
    [418, `"${"x".repeat(5_000)}"`, { reason: "HTTP 418", message: `"${"x".repeat(199)}`, retryAfterMs: undefined }],
  ])("%i %s", (status, body, expected) => {
    expect(readStatus(status, body)).toEqual(expected);
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  it.each([
    [undefined, undefined],
    ["7", 7_000],
    ["0", 0],
    [["7", "8"], 7_000],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5_000],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
  ])("%s", (header, expected) => {
    expect(readRetryAfter(header, nowMs)).toBe(expected);
  });
});

it("an error names verb, resource, object, path, status, reason and the server's words", () => {
  const details = { verb: "get", resource: "pods", name: "n/p", path: "GET /api/v1/namespaces/n/pods/p", message: "no such pod" };
  const error = new KubeError({ ...details, status: 404, reason: "NotFound" });
  expect(error.message).toBe("Cannot get pods n/p (GET /api/v1/namespaces/n/pods/p): 404 NotFound, no such pod");
  expect(KubeError.is(error, "NotFound")).toBe(true);
  expect(KubeError.is(error, "Conflict")).toBe(false);
  expect(new KubeError({ ...details, name: "", status: 0, reason: "Unreachable" }).message).toBe("Cannot get pods (GET /api/v1/namespaces/n/pods/p): Unreachable, no such pod");
});
