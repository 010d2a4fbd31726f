import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAX_FILE_BYTES } from "../../crds/mod.ts";
import { PolicyDirectory } from "./policyDirectory.ts";
import { loadPolicyDirectory } from "./directoryPolicySource.ts";
import { policy, put, temporaryDirectory } from "./temporaryDirectory.fixture.ts";

/** A directory that was looked at once. */
function looked(path: string): PolicyDirectory {
  const directory = new PolicyDirectory(path, { standalone: true });
  directory.look();
  return directory;
}

/** Looks until nothing is unsettled; true where one of the looks gave a new snapshot. */
function settle(directory: PolicyDirectory): boolean {
  let changed = directory.look();
  while (directory.isUnsettled) changed = directory.look() || changed;
  return changed;
}

const names = (directory: PolicyDirectory) => directory.snapshot.objects.map(({ name }) => name);
const modes = (directory: PolicyDirectory) => directory.snapshot.objects.map(({ object }) => ("mode" in object.spec ? object.spec.mode : ""));

describe("look() at a directory", () => {
  it("gives objects in the order of file names, then of lines", () => {
    const path = temporaryDirectory();
    put(path, "b.yml", policy("third"));
    put(path, "a.yaml", `${policy("first")}---\n${policy("second")}`);
    expect(names(looked(path))).toEqual(["first", "second", "third"]);
  });

  it.each([".a.yaml", "..data.yaml", "#a.yaml", "#a.yaml#", "a.yaml~", "a.yaml.swp", ".a.yaml.swp", "4913", "a.json", "a.yaml.tmp", "yaml", ".yaml"])("takes no notice of %s", (name) => {
    const path = temporaryDirectory();
    put(path, name, "not: [yaml");
    const { snapshot } = looked(path);
    expect([snapshot.objects, snapshot.problems]).toEqual([[], []]);
  });

  it("takes no notice of a folder, whatever its name", () => {
    const path = temporaryDirectory();
    mkdirSync(join(path, "folder.yaml"));
    expect(looked(path).snapshot.problems).toEqual([]);
  });

  it("gives an empty snapshot of an empty directory, version 1", () => {
    expect(looked(temporaryDirectory()).snapshot).toEqual({ objects: [], problems: [], notes: [], version: 1, stale: [], withheld: [], isReadable: true });
  });

  it("says nothing new where nothing changed, or only a stamp did", () => {
    const path = temporaryDirectory();
    const file = put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    expect(settle(directory)).toBe(false);
    utimesSync(file, 1, 1);
    expect(settle(directory)).toBe(false);
    writeFileSync(file, policy("a"));
    expect(settle(directory)).toBe(false);
    expect(directory.snapshot.version).toBe(1);
  });

  it("follows a change, an addition, a removal and a rename", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    put(path, "a.yaml", policy("a", "Enforce"));
    expect([settle(directory), modes(directory)]).toEqual([true, ["Enforce"]]);
    put(path, "b.yaml", policy("b"));
    expect([settle(directory), names(directory)]).toEqual([true, ["a", "b"]]);
    renameSync(join(path, "a.yaml"), join(path, "c.yaml"));
    expect([settle(directory), names(directory)]).toEqual([true, ["b", "a"]]);
    unlinkSync(join(path, "b.yaml"));
    expect([settle(directory), names(directory)]).toEqual([true, ["a"]]);
    expect(directory.snapshot.version).toBe(5);
  });

  it("does not take a file that was just truncated for one without policies", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    put(path, "a.yaml", "");
    expect(directory.look()).toBe(false);
    put(path, "a.yaml", policy("a", "Enforce"));
    expect(directory.look()).toBe(false);
    expect(modes(directory)).toEqual(["Observe"]);
    expect(directory.look()).toBe(true);
    expect(modes(directory)).toEqual(["Enforce"]);
  });

  it("does not take a file that an editor moved aside for a removed one", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    renameSync(join(path, "a.yaml"), join(path, "a.yaml~"));
    expect([directory.look(), directory.isUnsettled]).toEqual([false, true]);
    renameSync(join(path, "a.yaml~"), join(path, "a.yaml"));
    settle(directory);
    expect(directory.snapshot.version).toBe(1);
  });

  it("takes a file that never rests in the end, and forgets one that came and went", () => {
    const path = temporaryDirectory();
    const directory = looked(path);
    let looks = 0;
    do put(path, "a.yaml", policy(`a${looks}`));
    while (!directory.look() && ++looks < 100);
    expect(looks).toBeLessThan(100);
    put(path, "b.yaml", policy("b"));
    directory.look();
    unlinkSync(join(path, "b.yaml"));
    settle(directory);
    expect(directory.isUnsettled).toBe(false);
  });
});

describe("a broken file", () => {
  it("is named with line and field while its last good version stays in force", () => {
    const path = temporaryDirectory();
    const file = put(path, "a.yaml", policy("a", "Enforce"));
    put(path, "b.yaml", policy("b"));
    const directory = looked(path);
    put(path, "a.yaml", policy("a").replace("mode:", "moode:"));
    expect(settle(directory)).toBe(true);
    const { problems, stale, withheld } = directory.snapshot;
    expect(problems.map(({ file, line, column, field }) => [file, line, column, field])).toEqual([[file, 4, 8, "spec.moode"]]);
    expect([modes(directory), stale, withheld]).toEqual([["Enforce", "Observe"], [file], []]);
  });

  it("is refused as a whole: a good object beside a broken one does not come into force", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    put(path, "a.yaml", `${policy("a", "Enforce")}---\nkind: Nonsense\n`);
    settle(directory);
    expect(modes(directory)).toEqual(["Observe"]);
  });

  it("gives nothing where it never was good, and says which kinds are withheld", () => {
    const path = temporaryDirectory();
    const file = put(path, "a.yaml", `${policy("a")}---\nkind: SensorSettings\nspec: {}\n`);
    const { objects, withheld, stale } = looked(path).snapshot;
    expect([objects, withheld, stale]).toEqual([[], [{ file, kinds: ["ResponsePolicy", "SensorSettings"] }], []]);
  });

  it("is good again when it is mended, also with the very content it had", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    put(path, "a.yaml", "a: [");
    settle(directory);
    put(path, "a.yaml", policy("a"));
    expect(settle(directory)).toBe(true);
    expect([directory.snapshot.problems, directory.snapshot.stale, names(directory)]).toEqual([[], [], ["a"]]);
  });

  it("takes its last good version with it when it is removed", () => {
    const path = temporaryDirectory();
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    put(path, "a.yaml", "a: [");
    settle(directory);
    unlinkSync(join(path, "a.yaml"));
    settle(directory);
    expect([names(directory), directory.snapshot.problems]).toEqual([[], []]);
  });

  const unreadable: [string, (file: string) => void, RegExp][] = [
    ["a dangling link", (file) => symlinkSync("nowhere", file), /ENOENT$/],
    ["a link to itself", (file) => symlinkSync(basename(file), file), /ELOOP$/],
    ["a FIFO, without waiting for a writer", (file) => execFileSync("mkfifo", [file]), /expected a regular file/],
    ["a device that never ends", (file) => symlinkSync("/dev/zero", file), /expected a regular file/],
    ["a file too large", (file) => writeFileSync(file, " ".repeat(MAX_FILE_BYTES + 1)), /at most 1048576 bytes: current size is 1048577$/],
    ["a file of other bytes than UTF-8", (file) => writeFileSync(file, Uint8Array.of(0x61, 0xff, 0xfe)), /expected UTF-8/],
  ];
  it.each(unreadable)("keeps its last good version when it becomes %s", (_name, spoil, message) => {
    const path = temporaryDirectory();
    const file = put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    unlinkSync(file);
    spoil(file);
    expect(settle(directory)).toBe(true);
    expect(names(directory)).toEqual(["a"]);
    expect(directory.snapshot.problems[0]!.message).toMatch(message);
    expect(settle(directory)).toBe(false);
    rmSync(file);
    put(path, "a.yaml", policy("a"));
    expect([settle(directory), directory.snapshot.problems]).toEqual([true, []]);
  });

  it("speaks of every kind where it cannot be read at all", () => {
    const path = temporaryDirectory();
    symlinkSync("nowhere", join(path, "a.yaml"));
    expect(looked(path).snapshot.withheld[0]!.kinds).toContain("SensorSettings");
  });
});

describe("several files", () => {
  it("may not name one object twice: both are named, the first by file name counts", () => {
    const path = temporaryDirectory();
    const first = put(path, "a.yaml", policy("same", "Enforce"));
    const second = put(path, "b.yaml", `# a line before it\n${policy("same")}`);
    const directory = looked(path);
    expect(modes(directory)).toEqual(["Enforce"]);
    expect(directory.snapshot.problems).toEqual([
      { file: second, line: 2, column: 1, field: "metadata.name", message: `Cannot use one object in two files, expected ResponsePolicy default/same in ${first} only (line 1, which counts): current name is "same"` },
    ]);
    unlinkSync(first);
    settle(directory);
    expect([modes(directory), directory.snapshot.problems]).toEqual([["Observe"], []]);
  });

  it("may not hold two SensorSettings, whatever their names", () => {
    const path = temporaryDirectory();
    for (const name of ["a", "b"]) put(path, `${name}.yaml`, `{apiVersion: flowreset.io/v1alpha1, kind: SensorSettings, metadata: {name: ${name}}, spec: {}}`);
    const { objects, problems } = looked(path).snapshot;
    expect([objects.map(({ name }) => name), problems.map(({ field }) => field)]).toEqual([["a"], ["kind"]]);
  });
});

describe("links", () => {
  it("follows a ConfigMap mount whose ..data link is moved", () => {
    const path = temporaryDirectory();
    const revision = (name: string, mode: string) => {
      mkdirSync(join(path, name));
      put(join(path, name), "a.yaml", policy("a", mode));
      symlinkSync(name, join(path, "..data_tmp"));
      renameSync(join(path, "..data_tmp"), join(path, "..data"));
    };
    revision("..1", "Observe");
    symlinkSync("..data/a.yaml", join(path, "a.yaml"));
    const directory = looked(path);
    expect(modes(directory)).toEqual(["Observe"]);
    revision("..2", "Enforce");
    settle(directory);
    expect(modes(directory)).toEqual(["Enforce"]);
  });

  it("follows a link to the directory itself that is moved to another", () => {
    const path = temporaryDirectory();
    for (const name of ["one", "two"]) {
      mkdirSync(join(path, name));
      put(join(path, name), "a.yaml", policy(name));
    }
    symlinkSync("one", join(path, "current"));
    const directory = looked(join(path, "current"));
    const { identity } = directory;
    symlinkSync("two", join(path, "next"));
    renameSync(join(path, "next"), join(path, "current"));
    settle(directory);
    expect(names(directory)).toEqual(["two"]);
    expect(directory.identity).not.toBe(identity);
  });
});

describe("a directory that cannot be read", () => {
  it("is told of, and everything stays in force until it is back", () => {
    const path = join(temporaryDirectory(), "policies");
    mkdirSync(path);
    put(path, "a.yaml", policy("a"));
    const directory = looked(path);
    renameSync(path, `${path}.away`);
    expect(settle(directory)).toBe(true);
    expect(names(directory)).toEqual(["a"]);
    expect(directory.snapshot.problems).toEqual([{ file: path, line: 1, column: 1, field: "", message: "Cannot read the directory, expected one that opens: current failure is ENOENT" }]);
    expect([settle(directory), directory.snapshot.isReadable]).toEqual([false, false]);
    renameSync(`${path}.away`, path);
    expect([settle(directory), directory.snapshot.problems, directory.snapshot.isReadable]).toEqual([true, [], true]);
  });

  it("is told of where it never was there, or is a file", () => {
    const path = temporaryDirectory();
    const file = put(path, "file", "");
    expect(loadPolicyDirectory({ directory: join(path, "none"), standalone: true }).problems[0]!.message).toMatch(/ENOENT$/);
    expect(loadPolicyDirectory({ directory: file, standalone: true }).problems[0]!.message).toMatch(/ENOTDIR$/);
  });
});
