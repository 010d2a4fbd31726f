import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { env } from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bringBinaries } from "./binaries.ts";
import { goModule } from "./goModule.ts";

const kept = { PATH: env["PATH"], XDG_CACHE_HOME: env["XDG_CACHE_HOME"], KUBEBUILDER_ASSETS: env["KUBEBUILDER_ASSETS"], KUBERNETES: env["KUBERNETES"] };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/flowreset-binaries-`);
  mkdirSync(`${folder}/bin`);
  env["PATH"] = `${folder}/bin:${kept.PATH}`;
  env["XDG_CACHE_HOME"] = `${folder}/cache`;
  delete env["KUBEBUILDER_ASSETS"];
  delete env["KUBERNETES"];
});

afterEach(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  rmSync(folder, { recursive: true });
});

/** A Go that says what it is, and notes each build; its program is what follows -o. */
function placeGo(version: string, build = 'echo "$@" >> "$(dirname "$0")/builds"; sleep 0.5; while [ "$1" != -o ]; do shift; done; echo made > "$2"'): void {
  writeFileSync(`${folder}/bin/go`, `#!/bin/sh\nif [ "$1" = env ]; then echo ${version}; else\n${build}\nfi\n`);
  chmodSync(`${folder}/bin/go`, 0o755);
}

const builds = () => (existsSync(`${folder}/bin/builds`) ? readFileSync(`${folder}/bin/builds`, "utf8").trim().split("\n") : []);

describe("the programs of Kubernetes", () => {
  it("are taken from KUBEBUILDER_ASSETS where they are there, and need no Go then", async () => {
    placeGo("go1.10");
    env["KUBEBUILDER_ASSETS"] = `${folder}/bin`;
    writeFileSync(`${folder}/bin/etcd`, "");
    expect(await bringBinaries(["etcd"])).toEqual({ etcd: `${folder}/bin/etcd` });
  });

  it("are built once, under a name that holds the version and all sums, with the version that Helm asks for", async () => {
    placeGo("go1.99.0");
    const path = `${folder}/cache/flowreset/${goModule("kubectl").key}/kubectl`;
    expect(await bringBinaries(["kubectl"])).toEqual({ kubectl: path });
    expect(await bringBinaries(["kubectl"])).toEqual({ kubectl: path });
    expect(path).toMatch(/kubernetes-v1\.\d+\.\d+-(x64|arm64)-[0-9a-f]{12}/);
    expect(builds()).toHaveLength(1);
    expect(builds()[0]).toMatch(/version\.gitVersion=v1\.\d+\.\d+ .*gitMajor=1 .*gitMinor=\d+ /);
  });

  it.each(["1.32.13", "v1.32.13"])("are of the version that KUBERNETES asks for (%s), all its parts too, in a module made of ours", async (asked) => {
    placeGo("go1.99.0");
    const own = goModule("kubectl");
    env["KUBERNETES"] = asked;
    const { kubectl, etcd } = await bringBinaries(["kubectl", "etcd"]);
    expect(kubectl).toMatch(/\/kubernetes-v1\.32\.13-/);
    expect(builds()[0]).toMatch(/-mod=mod .*gitVersion=v1\.32\.13 .*gitMinor=32 /);
    const goMod = readFileSync(`${dirname(kubectl)}/go.mod`, "utf8");
    expect(goMod).toContain("\nrequire k8s.io/kubernetes v1.32.13\n");
    expect(goMod).toContain("\tk8s.io/apiserver => k8s.io/apiserver v0.32.13\n");
    expect(goMod).not.toContain(own.version.replace("v1.", "."));
    delete env["KUBERNETES"];
    expect([dirname(etcd), goModule("kubectl").key]).toEqual([`${folder}/cache/flowreset/${goModule("etcd").key}`, own.key]);
  });

  it("are those of our module where KUBERNETES asks for its version", () => {
    const own = goModule("kubectl");
    env["KUBERNETES"] = own.version;
    expect(goModule("kubectl")).toEqual(own);
  });

  it.each(["1.32", "latest", "2.0.0", "1.32.13; reboot"])("are not guessed where KUBERNETES is no whole version: %s", async (asked) => {
    env["KUBERNETES"] = asked;
    await expect(bringBinaries(["kubectl"])).rejects.toThrow(`Set KUBERNETES to a version with its patch, such as 1.34.4: current value is ${asked}`);
  });

  it("are built once where two runs want them at once", async () => {
    placeGo("go1.99.0");
    const [left, right] = await Promise.all([bringBinaries(["etcd"]), bringBinaries(["etcd"])]);
    expect(left).toEqual(right);
    expect(readFileSync(left.etcd, "utf8")).toBe("made\n");
    expect(builds()).toHaveLength(1);
  });

  it("are not there after a build that failed, which is told in Go's words", async () => {
    placeGo("go1.99.0", "echo 'missing go.sum entry' >&2; exit 1");
    await expect(bringBinaries(["etcd"])).rejects.toThrow(/Cannot build from .*go\/etcd, go ended with 1: missing go.sum entry/);
    expect(existsSync(`${folder}/cache/flowreset/${goModule("etcd").key}/etcd`)).toBe(false);
  });

  it("name the Go that they need where it is older", async () => {
    placeGo("go1.19.8");
    await expect(bringBinaries(["etcd"])).rejects.toThrow(
      "Cannot build etcd: install Go 1.25.0 or newer, or set KUBEBUILDER_ASSETS to a folder that has it: current value is 1.19.8",
    );
  });
});
