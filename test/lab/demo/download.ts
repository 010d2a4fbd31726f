/** The legitimate download: real curl, from before the first attack until after the last. */
import { until, url } from "../mod.ts";
import type { LabProcess, Station } from "../mod.ts";
import { FILE_PORT } from "./webServer.ts";

const FINISH_TIMEOUT_MS = 60_000;

export interface Downloaded {
  readonly curlExit: number;
  readonly bytes: number;
  readonly sha256: string;
  /** What the server says that it sent. */
  readonly sentBytes: number;
  readonly sentSha256: string;
}

export class LastingDownload {
  readonly #server: LabProcess;
  readonly #client: LabProcess;

  /** `server` runs webServer.ts. */
  constructor(server: LabProcess, from: Station, host: Station) {
    this.#server = server;
    const curl = `curl -sS -o - -w '%{stderr}bytes %{size_download}\\n' ${url(host.ipv4, FILE_PORT, "/archive")}`;
    this.#client = from.start(["sh", "-c", `{ ${curl}; echo "exit $?" >&2; } | sha256sum`]);
  }

  get isRunning(): boolean {
    return this.#client.exit === undefined;
  }

  /** Lets the file end, and compares nothing: that is the caller's. */
  async finish(): Promise<Downloaded> {
    this.#server.write("finish\n");
    await until("the download to end", () => !this.isRunning, FINISH_TIMEOUT_MS);
    const sent = this.#server.stdout.match(/^\{.*\}$/m);
    const told = sent === null ? { bytes: -1, sha256: "" } : (JSON.parse(sent[0]) as { bytes: number; sha256: string });
    return {
      curlExit: Number(/^exit (\d+)$/m.exec(this.#client.stderr)?.[1] ?? -1),
      bytes: Number(/^bytes (\d+)$/m.exec(this.#client.stderr)?.[1] ?? 0),
      sha256: this.#client.stdout.split(" ")[0]!,
      sentBytes: told.bytes,
      sentSha256: told.sha256,
    };
  }
}
