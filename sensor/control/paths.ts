/** Where the local socket and the stop file are unless told otherwise. */
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface PathSurroundings {
  uid: number;
  /** XDG_RUNTIME_DIR, where it is set. */
  runtimeFolder: string | undefined;
}

/** `/run/flowreset/sensor.sock` for root, else in the user's own runtime folder. */
export function defaultSocketPath({ uid, runtimeFolder }: PathSurroundings): string {
  if (uid === 0) return "/run/flowreset/sensor.sock";
  if (runtimeFolder !== undefined && runtimeFolder.startsWith("/")) return join(runtimeFolder, "flowreset", "sensor.sock");
  return join(tmpdir(), `flowreset-${uid}`, "sensor.sock");
}

/** The stop file lies beside the socket. */
export function defaultStopFile(socketPath: string): string {
  return join(dirname(socketPath), "stop");
}
