import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { KeptLines } from "./keptLines.ts";

const parent = mkdtempSync(join(tmpdir(), "flowreset-"));
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** A folder as the node's disk has it, and the sensors that one after the other keep their lines there. */
class Disk {
  readonly directory: string;
  readonly path: string;
  readonly faults: string[] = [];

  constructor() {
    mkdirSync(parent, { recursive: true });
    this.directory = mkdtempSync(join(parent, "state-"));
    this.path = join(this.directory, "lines");
  }

  open(maximum = 4): KeptLines {
    return new KeptLines({ directory: this.directory, name: "lines", maximum, longest: 8, onFault: ({ message }) => this.faults.push(message.slice(0, 6)) });
  }

  /** Nothing can be written meanwhile. */
  broken(act: () => void): void {
    renameSync(this.path, `${this.path}.away`);
    mkdirSync(this.path);
    act();
    rmSync(this.path, { recursive: true });
    renameSync(`${this.path}.away`, this.path);
  }

  get next(): string[] {
    return [...this.open().values()];
  }
}

describe("lines that are kept on the disk", () => {
  it("are there for the next process, the oldest forgotten first", () => {
    const disk = new Disk();
    const lines = disk.open();
    for (const line of ["a", "b", "a", "c", "d", "e"]) lines.add(line);
    expect([[...lines.values()], disk.next]).toEqual([["b", "c", "d", "e"], ["b", "c", "d", "e"]]);
  });

  it("are written with the next one where the disk had refused them, each time told", () => {
    const disk = new Disk();
    const lines = disk.open();
    lines.add("a");
    disk.broken(() => ["b", "c"].forEach((line) => lines.add(line)));
    lines.add("d");
    expect([disk.faults, disk.next]).toEqual([["EISDIR", "EISDIR"], ["a", "b", "c", "d"]]);
  });

  it("do not grow together with one that a full disk cut", () => {
    const disk = new Disk();
    const lines = disk.open();
    lines.add("a");
    disk.broken(() => lines.add("bbbb"));
    writeFileSync(disk.path, "a\nbb");
    lines.add("c");
    expect(disk.next).toEqual(["a", "bbbb", "c"]);
  });

  it("are written anew now and then, so that the file forgets as the memory does", () => {
    const disk = new Disk();
    const lines = disk.open(2);
    for (let line = 0; line < 50; line++) lines.add(String(line));
    expect(readFileSync(disk.path, "utf8").split("\n").length).toBeLessThan(7);
    expect(disk.next).toEqual(["48", "49"]);
  });
});
