/** C programs of the lab, built when first needed into `build/`, under a name that holds the source's digest. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { missingTools } from "./tools.ts";

/**
 * The path of the built program `<name>.c` of `sourceFolder` (the lab's own unless told); `otherFolder` takes it where
 * the checkout is not ours to write.
 * @throws with the compiler's words where it does not build.
 */
export function compile(name: string, otherFolder: string, sourceFolder: string = import.meta.dirname): string {
  const source = `${sourceFolder}/${name}.c`;
  const folder = writableFolder(`${sourceFolder}/build`) ?? otherFolder;
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const program = `${folder}/${name}-${digest}`;
  if (existsSync(program)) return program;
  const missing = missingTools(["cc"]);
  if (missing !== undefined) throw new Error(missing);
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync("cc", ["-O2", "-Wall", "-Wextra", "-o", unfinished, source], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot build ${name}.c: ${stderr}`);
  renameSync(unfinished, program);
  return program;
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
