/** What a sensor pays for this room: no schema, no client-node and no undici. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

it("connecting in a pod and following a resource loads no package at all", () => {
  const folder = mkdtempSync(join(tmpdir(), "kube-account-"));
  writeFileSync(join(folder, "token"), "token");
  writeFileSync(join(folder, "ca.crt"), "not used");
  const program = `
    import { registerHooks } from "node:module";
    const loaded = new Set();
    registerHooks({ load: (url, context, next) => (loaded.add(url), next(url, context)) });
    const { connect, Reflector, LeaderElector, EventRecorder, RESOURCES } = await import(${JSON.stringify(join(import.meta.dirname, "mod.ts"))});
    const client = await connect({ serviceAccountFolder: ${JSON.stringify(folder)} });
    const reflector = new Reflector({ client, resource: RESOURCES.pods, onChange: () => {}, onState: () => void finish() });
    new EventRecorder({ client, reportingController: "a", reportingInstance: "b" });
    new LeaderElector({ client, namespace: "n", name: "l", identity: "i", onStartedLeading: () => {}, onStoppedLeading: () => {} });
    let isFinished = false;
    async function finish() {
      if (isFinished) return;
      isFinished = true;
      await reflector.close();
      await client.close();
      const packages = new Set([...loaded].map((url) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]).filter(Boolean));
      const builtin = process.moduleLoadList.filter((name) => /undici/.test(name));
      console.log(JSON.stringify({ packages: [...packages], builtin, error: reflector.state.error?.reason }));
    }
    reflector.start();`;
  try {
    const env = { ...process.env, KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "1" };
    const text = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8", env, timeout: 15_000 });
    const { packages, builtin, error } = JSON.parse(text) as { packages: string[]; builtin: string[]; error: string };
    expect(error).toBe("Unreachable"); // It did try.
    expect(packages).toEqual([]);
    expect(builtin).toEqual([]); // Node.js has an undici of its own, 12 MB.
  } finally {
    rmSync(folder, { recursive: true });
  }
});
