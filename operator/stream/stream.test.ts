import { Agent, request } from "node:https";
import { connect } from "node:net";
import { setTimeout as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { bringUpToDate } from "../certificate/apply.ts";
import { bundleOf } from "../certificate/material.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { REPORT_BURST, REPORTS_PER_SECOND } from "./limits.ts";
import { answerSpreadMs, nextReportMs, NodeRates } from "./pace.ts";
import { startReportServer, type ReportServerOptions } from "./reportServer.ts";

const material = await bringUpToDate({}, ["operator.svc"], Date.now());
const tls = { cert: material.serving!.certificate, key: material.serving!.key };

async function serve(more: Partial<ReportServerOptions> = {}) {
  const taken: string[] = [];
  const server = await startReportServer({
    host: "127.0.0.1",
    port: 0,
    tls,
    authenticate: async () => ({ node: "n1" }),
    leader: () => "here",
    take: ({ node, sequence }) => {
      taken.push(node);
      return { acknowledged: sequence, nextReportMs: 1_000, answerSpreadMs: 0 };
    },
    nowMs: () => 0,
    ...more,
  });
  const post = (agent: Agent, options: { path?: string; method?: string } = {}, body = JSON.stringify(reportOf("n1"))) =>
    new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: server.port, path: "/v1/reports", method: "POST", servername: "operator.svc", ca: bundleOf(material), agent, ...options }, (answer) => {
        answer.resume().on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers }));
      });
      sent.on("error", reject).end(body);
    });
  return { server, taken, post };
}

describe("the report server", () => {
  for (const [what, status, header, options, more] of [
    ["another path", 404, undefined, { path: "/" }, {}],
    ["another method", 405, ["allow", "POST"], { method: "PUT" }, {}],
    ["a replica that knows no leader", 503, ["retry-after", "2"], {}, { leader: () => undefined }],
    ["a replica that knows the leader", 307, ["location", "https://10.0.0.7:8443/v1/reports"], {}, { leader: () => "https://10.0.0.7:8443" }],
    ["a leader without room for one more sensor", 503, ["retry-after", "60"], {}, { take: () => undefined }],
    ["a leader that stumbles", 500, undefined, {}, { take: () => { throw new Error("secret"); } }],
    ["a leader", 200, undefined, {}, {}],
  ] as const) {
    it(`answers ${status} for ${what}`, async () => {
      const { server, post } = await serve(more as Partial<ReportServerOptions>);
      const agent = new Agent();
      const answer = await post(agent, options);
      expect(answer.status).toBe(status);
      if (header !== undefined) expect(answer.headers[header[0]]).toBe(header[1]);
      expect(server.answers.get(status)).toBe(1);
      agent.destroy();
      await server.close();
    });
  }

  it("keeps a connection open for the next report, but no more of them than it has memory for", async () => {
    const { server, post } = await serve({ maxKeptConnections: 2 });
    const agents = Array.from({ length: 3 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const kept = [];
    for (const agent of agents) kept.push((await post(agent)).headers["connection"]);
    expect(kept).toEqual(["keep-alive", "keep-alive", "close"]);
    await expect.poll(() => server.connections()).toBe(2);
    for (const agent of agents) agent.destroy();
    await server.close();
  });

  it.each([
    ["who shows no token", 401, {}, { authenticate: async () => (await nextTurn(), { status: 401, message: "Show a token" }) }],
    ["who asks for something else", 404, { path: "/" }, {}],
    ["who only wants to look", 405, { method: "GET" }, {}],
  ] as const)("keeps no connection open for %s: places are the sensors'", async (_, status, options, more) => {
    const { server, post } = await serve(more as Partial<ReportServerOptions>);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // Whose body was read already: there is none.
    const answer = await post(agent, options, "");
    expect([answer.status, answer.headers["connection"]]).toEqual([status, "close"]);
    agent.destroy();
    await server.close();
  });

  it("keeps no place for who connects and says nothing, not even a greeting", async () => {
    const { server } = await serve({ requestTimeoutMs: 100 });
    const silent = connect({ host: "127.0.0.1", port: server.port });
    silent.on("error", () => {});
    await expect.poll(() => server.connections()).toBe(1);
    await expect.poll(() => server.connections(), { timeout: 5_000 }).toBe(0);
    silent.destroy();
    await server.close();
  });

  it("serves another certificate to new connections when it is told", async () => {
    const { server, post } = await serve({ tls: undefined });
    const agent = new Agent();
    await expect(post(agent)).rejects.toThrow();
    server.setCertificate(tls);
    expect((await post(agent)).status).toBe(200);
    agent.destroy();
    await server.close();
  });
});

it("a node may report in a burst, then so often a second, and is forgotten when it is quiet", () => {
  const rates = new NodeRates();
  const takenAt = (ms: number, tries: number) => Array.from({ length: tries }, () => rates.take("n1", ms)).filter(Boolean).length;
  expect([takenAt(0, 100), takenAt(1_000, 100), takenAt(1_000, 1)]).toEqual([REPORT_BURST, REPORTS_PER_SECOND, 0]);
  expect(rates.take("n2", 1_000)).toBe(true);
  rates.sweep(60_000);
  expect(takenAt(60_000, 100)).toBe(REPORT_BURST);
});

it("all sensors together report 83 times a second at most, and each at least once a minute", () => {
  expect([0, 2, 500, 5_000, 20_000].map(nextReportMs)).toEqual([1_000, 1_000, 6_000, 60_000, 60_000]);
});

it("what all sensors say at one time comes no faster than connections can be kept, or made", () => {
  expect([0, 2, 500, 501, 5_000].map(answerSpreadMs)).toEqual([0, 2, 334, 1_670, 16_667]);
});
