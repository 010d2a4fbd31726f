/**
 * Turns the product's .ts files into .js files of the same lines, in a copy of it: Node.js strips the types itself where
 * it meets them, but with a compiler that stays in memory in each thread (about 18 MB a thread).
 * Usage: node tools/stripTypes.ts FOLDER   (with crds/, cli/, sensor/ and so on in it; its .ts files are gone afterwards)
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

const ROOTS = ["crds", "cli", "kube", "memory", "operator", "sensor"];
/** Where one file names another: imports, and the URL of a Worker. */
const NAMED = /(\bfrom |\bimport |\bimport\(|\bnew URL\()"(\.[^"]*)\.ts"/g;

const folder = process.argv[2];
if (folder === undefined) throw new Error("Give the folder of the copy: node tools/stripTypes.ts FOLDER");
for (const root of ROOTS.filter((name) => existsSync(join(folder, name)))) {
  for (const name of readdirSync(join(folder, root), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const source = join(folder, root, name);
    const text = stripTypeScriptTypes(readFileSync(source, "utf8"));
    writeFileSync(source.replace(/\.ts$/, ".js"), text.replace(NAMED, '$1"$2.js"'));
    rmSync(source);
  }
}
