/** C programs of the lab, built when first needed into `build/`, under a name that holds their sources' digest. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { missingTools } from "./tools.ts";

/**
 * The path of the built program `<name>.c`, or of all C files in the folder `<name>`, of `sourceFolder` (the lab's own
 * unless told); `otherFolder` takes it where the checkout is not ours to write.
 * @throws with the compiler's words where it does not build.
 */
export function compile(name: string, otherFolder: string, sourceFolder: string = import.meta.dirname): string {
  const sources = sourcesOf(`${sourceFolder}/${name}`);
  const folder = writableFolder(`${sourceFolder}/build`) ?? otherFolder;
  const digest = createHash("sha256");
  for (const source of sources) digest.update(readFileSync(source));
  const program = `${folder}/${name}-${digest.digest("hex").slice(0, 12)}`;
  if (existsSync(program)) return program;
  const missing = missingTools(["cc"]);
  if (missing !== undefined) throw new Error(missing);
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync("cc", ["-O2", "-Wall", "-Wextra", "-o", unfinished, ...sources.filter((source) => source.endsWith(".c"))], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot build ${name}: ${stderr}`);
  renameSync(unfinished, program);
  return program;
}

/** Headers too: a change in one makes another program. */
function sourcesOf(path: string): string[] {
  if (existsSync(`${path}.c`)) return [`${path}.c`];
  return readdirSync(path).filter((file) => /\.[ch]$/.test(file)).sort().map((file) => `${path}/${file}`);
}

function writableFolder(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return undefined;
  }
}
