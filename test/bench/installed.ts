/** A copy of the product as `make install` leaves it: types stripped, packages of the checkout. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** Makes it in a folder that is not there yet; returns its main file. */
export function installedCopy(folder: string): string {
  mkdirSync(folder);
  for (const name of ["cli", "crds", "kube", "memory", "operator", "sensor", "package.json"]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(ROOT, "tools/stripTypes.ts"), folder]);
  return join(folder, "cli/main.js");
}
