/** A lock between processes that ends with whoever holds it, also when that is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Waits until nobody else holds the lock on the file `path`. @throws where there is no `flock`, or no folder for the file. */
export async function lock(path: string): Promise<AsyncDisposable> {
  // The pipe to it closes with us, and the kernel frees the lock when it ends.
  const holder = spawn("flock", [path, "sh", "-c", "echo held; cat > /dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  holder.stdin.on("error", () => {});
  const ended = once(holder, "close");
  const held = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
  if (!held) throw new Error(`Cannot lock ${path}: flock ended with ${holder.exitCode}`);
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await ended;
    },
  };
}
