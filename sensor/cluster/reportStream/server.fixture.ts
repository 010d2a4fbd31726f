/** An operator's end of the stream: a real HTTPS server with a certificate of its own, whose answers a test chooses. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { CertificateAuthority } from "../../../test/cluster/mod.ts";
import type { Report } from "../../../crds/stream/mod.ts";
import type { StreamTarget } from "./target.ts";

export const SERVER_NAME = "flowreset-operator.flowreset-system.svc";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface StreamServer extends AsyncDisposable {
  readonly authority: CertificateAuthority;
  readonly target: StreamTarget;
  readonly reports: Report[];
  readonly tokens: (string | undefined)[];
  /** TLS connections so far. */
  readonly connections: number;
  answer: (report: Report) => Answer;
}

/** @param shared the authority of another server: replicas of one operator have the same */
export async function startStreamServer(shared?: StreamServer): Promise<StreamServer> {
  const authority = shared?.authority ?? (await CertificateAuthority.create("report stream of a test"));
  const { certPem, keyPem } = await authority.serving({ name: SERVER_NAME }, [SERVER_NAME]);
  let connections = 0;
  const server = createServer({ cert: certPem, key: keyPem, keepAliveTimeout: 60_000 }, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const bytes = Buffer.concat(parts);
      const report = JSON.parse((request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString()) as Report;
      opened.reports.push(report);
      opened.tokens.push(request.headers.authorization);
      const { status = 200, headers = {}, body = { acknowledged: report.sequence, nextReportMs: 60_000 } } = opened.answer(report);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  server.on("secureConnection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const opened: StreamServer = {
    authority,
    target: { url: `https://127.0.0.1:${port}`, serverName: SERVER_NAME, ca: authority.credentials.certPem },
    reports: [],
    tokens: [],
    get connections() {
      return connections;
    },
    answer: () => ({}),
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return opened;
}
