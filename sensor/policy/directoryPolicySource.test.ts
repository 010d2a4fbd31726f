import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { signatureCheck } from "../../crds/mod.ts";
import { DirectoryPolicySource, loadPolicyDirectory } from "./directoryPolicySource.ts";
import type { PolicySnapshot } from "./snapshot.ts";
import { policy, put, temporaryDirectory } from "./temporaryDirectory.fixture.ts";

/** A running source and every snapshot that it told of. */
function running(directory: string): { source: DirectoryPolicySource; told: PolicySnapshot[] } {
  const source = new DirectoryPolicySource({ directory, standalone: true });
  onTestFinished(() => source.close());
  const told: PolicySnapshot[] = [];
  source.start((snapshot) => told.push(snapshot));
  return { source, told };
}

const namesOf = (snapshot: PolicySnapshot | undefined) => snapshot?.objects.map(({ name }) => name);

async function told(snapshots: PolicySnapshot[], names: string[]): Promise<void> {
  await vi.waitFor(() => expect(namesOf(snapshots.at(-1))).toEqual(names), { timeout: 10_000, interval: 10 });
}

describe("DirectoryPolicySource", () => {
  it("tells of what is there before start() returns", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const { source, told } = running(path);
    expect([told.length, namesOf(told[0]), source.snapshot === told[0]]).toEqual([1, ["a"], true]);
  });

  it("tells of files added, replaced and removed, one version after the other", async () => {
    const path = temporaryDirectory();
    const { told: snapshots } = running(path);
    put(path, "a.yaml", policy("a"));
    await told(snapshots, ["a"]);
    put(path, ".next", policy("b"));
    renameSync(join(path, ".next"), join(path, "a.yaml"));
    await told(snapshots, ["b"]);
    unlinkSync(join(path, "a.yaml"));
    await told(snapshots, []);
    expect(snapshots.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  });

  it("notices a change that inotify on the directory cannot see: a file elsewhere behind a link", async () => {
    const path = temporaryDirectory();
    mkdirSync(join(path, "policies"));
    const elsewhere = put(path, "elsewhere", policy("a"));
    symlinkSync(elsewhere, join(path, "policies", "a.yaml"));
    const { told: snapshots } = running(join(path, "policies"));
    writeFileSync(elsewhere, policy("b"));
    await told(snapshots, ["b"]);
  });

  it("follows a directory that is replaced by another, and what changes in that one", async () => {
    const path = join(temporaryDirectory(), "policies");
    mkdirSync(path);
    put(path, "a.yaml", policy("a"));
    const { told: snapshots } = running(path);
    renameSync(path, `${path}.old`);
    await vi.waitFor(() => expect(snapshots.at(-1)!.problems).toHaveLength(1), { timeout: 10_000 });
    expect(namesOf(snapshots.at(-1))).toEqual(["a"]);
    mkdirSync(path);
    put(path, "b.yaml", policy("b"));
    await told(snapshots, ["b"]);
    put(path, "c.yaml", policy("c"));
    await told(snapshots, ["b", "c"]);
  });

  it("ends in one snapshot of the last state after a storm of writes", async () => {
    const path = temporaryDirectory();
    const { told: snapshots } = running(path);
    for (let index = 0; index < 500; index++) put(path, "a.yaml", policy(`a${index}`));
    await told(snapshots, ["a499"]);
    expect(snapshots).toHaveLength(2);
  });

  it("tells nothing after close(), and cannot be started twice", async () => {
    const path = temporaryDirectory();
    const { source, told: snapshots } = running(path);
    expect(() => source.start(() => {})).toThrow(/^Cannot start a policy source twice/);
    put(path, "a.yaml", policy("a"));
    source.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(snapshots).toHaveLength(1);
  });
});

describe("loadPolicyDirectory()", () => {
  it("holds a file with a signature that its reader refuses for a broken one", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a").replace("connection: {}", 'signature: {rules: ["good", "bad"]}'));
    const check = signatureCheck((text) => (text === "bad" ? "Cannot read a signature, expected good" : undefined));
    const { objects, problems } = loadPolicyDirectory({ directory: path, standalone: true, check });
    expect(objects).toEqual([]);
    expect(problems.map(({ line, column, field }) => [line, column, field])).toEqual([[4, 91, "spec.rules[0].signature.rules[1]"]]);
    expect(problems[0]!.message).toBe('Cannot read a signature, expected good: current value is "bad"');
  });
});
