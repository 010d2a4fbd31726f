/** The product's image for tests: built by images/build.sh, once for the same content. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../binaries/binaries.ts";

const root = join(import.meta.dirname, "../../..");
/** What the image is made of, and what makes it. */
const CONTENT = ["cli", "crds", "kube", "operator", "sensor", "images", "tools", "package.json", "package-lock.json", ".npmrc", "LICENSE"];
/** 47 MB each; the oldest go. */
const KEPT = 3;

export interface ProductImage {
  readonly archive: string;
  /** The same for the same content. */
  readonly tag: string;
}

export function bringProductImage(): ProductImage {
  const tag = contentDigest();
  const folder = `${cacheFolder()}/images`;
  const archive = `${folder}/${tag}.oci.tar`;
  mkdirSync(folder, { recursive: true });
  if (existsSync(archive)) utimesSync(archive, new Date(), new Date());
  else build(folder, archive);
  forgetOld(folder);
  return { archive, tag };
}

function build(folder: string, archive: string): void {
  console.error("building the product's image: a minute");
  const unfinished = mkdtempSync(`${folder}/build-`);
  try {
    execFileSync(join(root, "images/build.sh"), [unfinished], { stdio: ["ignore", "ignore", "inherit"] });
    const built = readdirSync(unfinished).find((name) => name.endsWith(".oci.tar"))!;
    renameSync(join(unfinished, built), archive);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function contentDigest(): string {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...CONTENT], { cwd: root, encoding: "utf8" });
  const digest = createHash("sha256").update(process.version);
  const names = listed.split("\n").filter((name) => name !== "" && !/\.test\.ts$|\.fixture\.ts$/.test(name) && existsSync(join(root, name)));
  for (const name of [...new Set(names)].sort()) digest.update(`${name}\0`).update(readFileSync(join(root, name))).update("\0");
  return digest.digest("hex").slice(0, 12);
}

function forgetOld(folder: string): void {
  const archives = readdirSync(folder).filter((name) => name.endsWith(".oci.tar")).map((name) => join(folder, name));
  const byAge = archives.map((path) => ({ path, usedMs: statSync(path).mtimeMs })).sort((a, b) => b.usedMs - a.usedMs);
  for (const { path } of byAge.slice(KEPT)) rmSync(path, { force: true });
}
