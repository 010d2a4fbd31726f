/** Which policy files a directory holds, each with a stamp that changes when the file does. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "./readBounded.ts";

/** More files than this are refused, the later by name. */
export const MAX_FILES = 10_000;

export interface DirectoryListing {
  /** Path to stamp, sorted by name. A file that cannot be looked at has the failure as its stamp. */
  readonly stamps: ReadonlyMap<string, string>;
  /** Files beyond MAX_FILES. */
  readonly refused: number;
  /** Device and inode of the directory itself: another one when a link to it was moved. */
  readonly identity: string;
}

/** Follows links (Kubernetes mounts a ConfigMap as links into `..data`). Throws where the directory cannot be read. */
export function listPolicyFiles(directory: string): DirectoryListing {
  const { dev, ino } = statSync(directory, { bigint: true });
  const names = readdirSync(directory).filter(isPolicyName).sort();
  const stamps = new Map<string, string>();
  for (const name of names.slice(0, MAX_FILES)) {
    const path = join(directory, name);
    const stamp = stampOf(path);
    if (stamp !== undefined) stamps.set(path, stamp);
  }
  return { stamps, refused: Math.max(0, names.length - MAX_FILES), identity: `${dev}:${ino}` };
}

/** Why the directory cannot be read, undefined where it can. */
export function directoryFault(directory: string): string | undefined {
  try {
    listPolicyFiles(directory);
    return undefined;
  } catch (error) {
    return `Cannot read the policies of ${directory}: ${codeOf(error)}`;
  }
}

/** Neither dotfiles (`.x.yaml.swp`, `..data`) nor what editors leave beside a file (`#x.yaml#`, `x.yaml~`, `4913`). */
function isPolicyName(name: string): boolean {
  return /^[^.#].*\.ya?ml$/s.test(name);
}

/** Undefined for a folder: whatever its name, it is none of our files. */
function stampOf(path: string): string | undefined {
  try {
    const status = statSync(path, { bigint: true });
    if (status.isDirectory()) return undefined;
    const { dev, ino, size, mtimeNs, ctimeNs, mode } = status;
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}:${mode}`;
  } catch (error) {
    return `failed ${codeOf(error)}`;
  }
}
