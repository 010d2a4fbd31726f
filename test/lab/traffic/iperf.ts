/** iperf3 between two stations. */
import type { Station } from "../network.ts";
import type { LabProcess } from "../process.ts";

export async function iperfServer(host: Station, port = 5201): Promise<LabProcess> {
  const process = host.start(["iperf3", "-s", "-p", String(port), "--forceflush"]);
  await host.namespace.listening(port, process);
  return process;
}

export interface IperfOptions {
  address: string;
  port?: number;
  seconds?: number;
  /** Bits a second, as iperf3 writes it: "50M"; unlimited where absent. */
  bitrate?: string;
  /** The server sends. */
  download?: boolean;
  /** Local port of the data connection. */
  localPort?: number;
}

/** Starts a client; it has exchanged data when it has printed a first interval. */
export async function iperfClient(from: Station, options: IperfOptions): Promise<LabProcess> {
  const process = from.start([
    "iperf3", "-c", options.address, "-p", String(options.port ?? 5201), "-t", String(options.seconds ?? 60),
    "-i", "0.1", "--forceflush", ...(options.bitrate ? ["-b", options.bitrate] : []), ...(options.download ? ["-R"] : []),
    ...(options.localPort ? ["--cport", String(options.localPort)] : []),
  ]);
  await process.waitForOutput(/bits\/sec/);
  return process;
}
