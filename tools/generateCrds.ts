/** Writes the CRDs and the reference pages (`make crds`). Files of kinds that are gone are removed. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { outputs } from "../crds/generate/mod.ts";

const root = join(import.meta.dirname, "..");
const files = outputs((path) => readFileSync(join(root, path), "utf8"));

for (const folder of new Set([...files.keys()].map(dirname))) {
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of readdirSync(join(root, folder))) if (!files.has(`${folder}/${name}`)) rmSync(join(root, folder, name));
}
for (const [path, text] of files) writeFileSync(join(root, path), text);
console.log(`${files.size} files written`);
