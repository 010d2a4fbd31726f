/**
 * Between which ends FlowResets hold new connections, on the node's disk: a sensor that starts again goes on holding for
 * the rest of the window, where the same pods still have those addresses and the object still asks for it.
 */
import { z } from "zod";
import { parseAddress } from "../../crds/mod.ts";
import { KeptLines } from "./keptLines.ts";
import { MAX_HELD_ENDS } from "./limits.ts";

const address = z.string().refine((ip) => parseAddress(ip) !== undefined);

const line = z.object({
  uid: z.string(),
  client: address,
  server: address,
  serverPort: z.int().min(1).max(65_535),
  /** Uid of the pod of this node that had the address; "" where none had. */
  clientPod: z.string(),
  serverPod: z.string(),
  /** End of the window, milliseconds since 1970. */
  untilMs: z.number(),
});

/** One client, server and port that are held. */
export type HeldEnds = Readonly<z.output<typeof line>>;

/** Two IPv6 addresses, three uids and the names of the fields. */
const LONGEST_LINE = 512;

export class HeldEndsFile {
  readonly #lines: KeptLines;
  /** Of an earlier process, by uid of the FlowReset. */
  readonly #earlier = new Map<string, HeldEnds[]>();

  /** `directory` undefined: nothing outlives this process. */
  constructor(directory: string | undefined, onFault: (error: Error) => void) {
    this.#lines = new KeptLines({ directory, name: "held", maximum: MAX_HELD_ENDS, longest: LONGEST_LINE, onFault });
    for (const text of this.#lines.values()) {
      const ends = read(text);
      if (ends !== undefined) this.#earlier.set(ends.uid, [...(this.#earlier.get(ends.uid) ?? []), ends]);
    }
  }

  keep(ends: HeldEnds): void {
    this.#lines.add(JSON.stringify(ends));
  }

  /** What an earlier process held for it; told once. */
  takeBack(uid: string): readonly HeldEnds[] {
    const ends = this.#earlier.get(uid) ?? [];
    this.#earlier.delete(uid);
    return ends;
  }
}

/** Undefined for what was cut, or is of another version: that hold is lost, nothing is held that was not. */
function read(text: string): HeldEnds | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
