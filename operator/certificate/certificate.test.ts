import { createServer, connect } from "node:tls";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { bringUpToDate } from "./apply.ts";
import { bundleOf, parse, readMaterial, writeMaterial, type Material } from "./material.ts";
import { AUTHORITY_LIFE_MS, planCertificate, PUBLISHED_BEFORE_MS, SERVING_LIFE_MS } from "./plan.ts";

const NAMES = ["flowreset-operator.flowreset-system.svc", "10.0.0.7"];
const NOW = Date.parse("2026-11-26T12:00:00Z");
const DAY = 86_400_000;
const fresh = await bringUpToDate({}, NAMES, NOW);

/** Whether a client that trusts `bundle` shakes hands with what `material` serves, now. */
async function isTrusted(bundle: string, { serving }: Material): Promise<boolean> {
  const server = createServer({ cert: serving!.certificate, key: serving!.key });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await new Promise<boolean>((resolve) => {
      const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ca: bundle, servername: NAMES[0]! }, () => {
        client.destroy();
        resolve(true);
      });
      client.on("error", () => resolve(false));
    });
  } finally {
    server.close();
  }
}

describe("what is due", () => {
  const aged = (ms: number) => NOW + ms;
  for (const [what, step, material, atMs, names] of [
    ["nothing is there", "Begin", {}, NOW, NAMES],
    ["all is fresh", undefined, fresh, NOW, NAMES],
    ["the serving certificate is gone", "Renew", { ca: fresh.ca }, NOW, NAMES],
    ["the serving certificate is two thirds old", "Renew", fresh, aged((SERVING_LIFE_MS * 2) / 3 + DAY), NAMES],
    ["a name is asked for that it lacks", "Renew", fresh, NOW, [...NAMES, "10.0.0.8"]],
    ["the CA is two thirds old", "Succeed", fresh, aged((AUTHORITY_LIFE_MS * 2) / 3 + DAY), NAMES],
    ["the CA is over", "Begin", fresh, aged(AUTHORITY_LIFE_MS), NAMES],
    ["the CA cannot be read", "Begin", { ...fresh, ca: { certificate: "hello", key: "you" } }, NOW, NAMES],
    ["an old CA is over", "Forget", { ...fresh, previous: "not even a certificate" }, NOW, NAMES],
  ] as const) {
    it(`${what}: ${step ?? "nothing"}`, () => expect(planCertificate(material, names, atMs)).toBe(step));
  }
});

describe("the certificate", () => {
  it("survives its Secret", () => {
    expect(readMaterial(writeMaterial(fresh))).toEqual({ ...fresh, next: undefined, previous: undefined });
  });

  it("counts as absent where its key is another's", () => {
    const data = writeMaterial(fresh);
    expect(readMaterial({ ...data, "tls.key": data["ca.key"]! }).serving).toBeUndefined();
  });

  it("comes to rest where fields of its Secret are another's, as after a restore from a backup: what is left out stays there", async () => {
    const later = NOW + (AUTHORITY_LIFE_MS * 2) / 3 + DAY;
    const stored = writeMaterial(await bringUpToDate(fresh, NAMES, later));
    const write = (material: Material) => Object.assign(stored, writeMaterial(material));
    const promoted = await bringUpToDate(readMaterial(stored), NAMES, later + DAY);
    write(promoted);
    expect(readMaterial(stored).ca).toEqual(promoted.ca);
    expect(planCertificate(readMaterial(stored), NAMES, later + DAY)).toBeUndefined();
    expect(bundleOf(readMaterial(stored))).toBe(bundleOf(promoted));
  });

  it("is trusted by its bundle and by no other", async () => {
    const real = await bringUpToDate({}, NAMES, Date.now());
    const other = await bringUpToDate({}, NAMES, Date.now());
    expect(await isTrusted(bundleOf(real), real)).toBe(true);
    expect(await isTrusted(bundleOf(other), real)).toBe(false);
  });

  it("never outlives its CA", async () => {
    const late = await bringUpToDate({ ca: fresh.ca }, NAMES, NOW + AUTHORITY_LIFE_MS / 2);
    const lateCa = parse(late.ca!.certificate)!.validToDate.getTime();
    expect(parse(late.serving!.certificate)!.validToDate.getTime()).toBeLessThanOrEqual(lateCa);
  });
});

it("over two years and more of rotation, what is served is always signed by a CA that was published a day before", async () => {
  const published = new Map<string, number>();
  let material: Material = {};
  let signers = 0;
  let signer = "";
  for (let nowMs = NOW; nowMs < NOW + 850 * DAY; nowMs += DAY) {
    material = await bringUpToDate(material, NAMES, nowMs);
    const bundle = bundleOf(material);
    for (const pem of bundle.match(/-----BEGIN[^]+?END CERTIFICATE-----/g)!) {
      if (!published.has(pem)) published.set(pem, nowMs);
      expect(parse(pem)!.validToDate.getTime()).toBeGreaterThan(nowMs);
    }
    const serving = parse(material.serving!.certificate)!;
    const ca = parse(material.ca!.certificate)!;
    expect(serving.verify(ca.publicKey)).toBe(true);
    expect(serving.validToDate.getTime()).toBeGreaterThan(nowMs);
    if (signer === material.ca!.certificate) continue;
    signer = material.ca!.certificate;
    if (signers++ > 0) expect(nowMs - published.get(signer.trim())!).toBeGreaterThanOrEqual(PUBLISHED_BEFORE_MS);
  }
  expect(signers).toBeGreaterThan(3);
});
