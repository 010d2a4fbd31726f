/** The images of tests, FROM scratch over one static C program each, as OCI archives: no registry, no image tool. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { arch, pid } from "node:process";

export const PAUSE_IMAGE = "flowreset.test/pause:1";
/** See images/workload.c for what it does. */
export const WORKLOAD_IMAGE = "flowreset.test/workload:1";

const FOLDER = `${import.meta.dirname}/images`;
const BUILDS = `${import.meta.dirname}/build`;

/** The program of an image, for whoever runs it without a container; built where it is not there. */
export function buildProgram(name: "pause" | "workload"): string {
  const program = `${BUILDS}/${name}-${digestOf(name)}`;
  if (existsSync(program)) return program;
  mkdirSync(BUILDS, { recursive: true });
  const unfinished = `${program}.${pid}`;
  execFileSync("cc", ["-static", "-O2", "-Wall", "-Wextra", "-o", unfinished, `${FOLDER}/${name}.c`], { stdio: ["ignore", "ignore", "inherit"] });
  renameSync(unfinished, program);
  return program;
}

/** The path of the archive of `images/<name>.c`, whose program is `/<name>` and the entry point; built where it is not there. */
export function buildImage(name: "pause" | "workload"): string {
  const archive = `${BUILDS}/${name}-${digestOf(name)}.tar`;
  if (existsSync(archive)) return archive;
  const program = buildProgram(name);
  const folder = mkdtempSync(`${BUILDS}/${name}-`);
  try {
    mkdirSync(`${folder}/root`);
    copyFileSync(program, `${folder}/root/${name}`);
    writeLayout(folder, name);
    tar(`${folder}/layout`, `${folder}/archive.tar`);
    renameSync(`${folder}/archive.tar`, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return archive;
}

function digestOf(name: string): string {
  return sha256(readFileSync(`${FOLDER}/${name}.c`)).slice(0, 12);
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function writeLayout(folder: string, name: string): void {
  mkdirSync(`${folder}/layout/blobs/sha256`, { recursive: true });
  const layout = `${folder}/layout`;
  tar(`${folder}/root`, `${folder}/layer.tar`);
  const layer = addBlob(layout, "application/vnd.oci.image.layer.v1.tar", readFileSync(`${folder}/layer.tar`));
  const platform = { architecture: arch === "x64" ? "amd64" : arch, os: "linux" };
  const config = addBlob(layout, "application/vnd.oci.image.config.v1+json", {
    ...platform,
    config: { Entrypoint: [`/${name}`] },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = addBlob(layout, mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  writeFileSync(`${layout}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, platform }] }));
}

function addBlob(layout: string, mediaType: string, content: Buffer | object): Descriptor {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const digest = sha256(bytes);
  writeFileSync(`${layout}/blobs/sha256/${digest}`, bytes);
  return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
}

/** The same folder gives the same bytes: no owner, no time, no order of the disk's. */
function tar(folder: string, archive: string): void {
  execFileSync("tar", ["--create", `--file=${archive}`, `--directory=${folder}`, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "."]);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
