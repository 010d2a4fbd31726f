import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { until } from "../../../test/lab/wait.ts";
import type { ResetResult } from "../resetResult.ts";
import { ReportOutbox, ReportStream } from "./mod.ts";
import type { OutboxFacts, StreamTarget } from "./mod.ts";
import { startStreamServer } from "./server.fixture.ts";

const directory = mkdtempSync(join(tmpdir(), "flowreset-stream-"));
const tokenFile = join(directory, "token");
writeFileSync(tokenFile, "first\n");
afterAll(() => rmSync(directory, { recursive: true }));

const FACTS: OutboxFacts = {
  observed: { policies: "1", flowResets: "1", fleet: "1" },
  health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 1, halfBlind: 0, pods: 1, podsUnseen: 0 }, apiServer: "Connected" },
  failures: [],
  counters: [],
};
const RESULT: ResetResult = { uid: "a", kind: "FlowReset", namespace: "shop", name: "a", phase: "Done", matched: 0, flows: [], startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:01Z" };
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

class Sender implements AsyncDisposable {
  readonly outbox = new ReportOutbox({ node: "n1", fleet: "default", session: "s", version: "1" });
  readonly stream: ReportStream;

  constructor(target: StreamTarget, tokenFiles = [join(directory, "absent"), tokenFile]) {
    this.stream = new ReportStream({ outbox: this.outbox, facts: () => FACTS, tokenFiles, log: SILENT });
    this.stream.setTarget(target);
  }

  tell(uid: string): void {
    this.outbox.addResult({ ...RESULT, uid }, () => undefined);
    this.stream.poke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.close();
  }
}

describe("the report stream", () => {
  it("posts results over one kept connection, with the token of now, until they are acknowledged", async () => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target);
    sender.tell("a");
    await until("the first result", () => sender.outbox.waiting === 0);
    writeFileSync(tokenFile, "second\n");
    sender.tell("b");
    await until("the second result", () => sender.outbox.waiting === 0 && server.reports.length >= 2);
    writeFileSync(tokenFile, "first\n");
    expect(server.reports.flatMap(({ resets }) => resets.map(({ uid }) => uid))).toEqual(["a", "b"]);
    expect([server.tokens[0], server.tokens.at(-1)]).toEqual(["Bearer first", "Bearer second"]);
    expect([server.connections, sender.stream.isHeard]).toEqual([1, true]);
  });

  it("packs a long report", async () => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target);
    for (let i = 0; i < 100; i++) sender.tell(`reset-${i}`);
    await until("all results", () => sender.outbox.waiting === 0);
    expect(server.reports.flatMap(({ resets }) => resets)).toHaveLength(100);
  });

  it("says what all sensors have to say in its turn, once, and with a result that comes sooner", async () => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target);
    server.answer = ({ sequence }) => ({ body: { acknowledged: sequence, nextReportMs: 60_000, answerSpreadMs: 100 } });
    await until("the first report", () => sender.stream.spreadMs === 100);
    for (let i = 0; i < 20; i++) sender.stream.pokeInTurn();
    await until("its turn", () => server.reports.length === 2);
    server.answer = ({ sequence }) => ({ body: { acknowledged: sequence, nextReportMs: 60_000, answerSpreadMs: 600_000 } });
    sender.tell("a");
    await until("the result", () => sender.outbox.waiting === 0);
    sender.stream.pokeInTurn();
    sender.tell("b");
    await until("the second result", () => sender.outbox.waiting === 0);
    expect(server.reports).toHaveLength(4);
  });

  it("follows a replica that does not lead to the one that does, and stays there", async () => {
    await using leader = await startStreamServer();
    await using follower = await startStreamServer(leader);
    await using sender = new Sender(follower.target);
    follower.answer = () => ({ status: 307, headers: { location: `${leader.target.url}/v1/reports` } });
    sender.tell("a");
    await until("the leader's answer", () => sender.outbox.waiting === 0);
    sender.tell("b");
    await until("the leader's second answer", () => sender.outbox.waiting === 0);
    expect([follower.reports.length, leader.reports.length]).toEqual([1, 2]);
  });

  it("goes back to the service's address when the leader is gone, and loses nothing", async () => {
    await using follower = await startStreamServer();
    const leader = await startStreamServer(follower);
    await using sender = new Sender(follower.target);
    follower.answer = () => ({ status: 307, headers: { location: `${leader.target.url}/v1/reports` } });
    sender.tell("a");
    await until("the leader's answer", () => sender.outbox.waiting === 0);
    await leader[Symbol.asyncDispose]();
    follower.answer = () => ({});
    sender.tell("b");
    await until("the new leader's answer", () => sender.outbox.waiting === 0);
    expect(follower.reports.at(-1)?.resets.map(({ uid }) => uid)).toEqual(["b"]);
  });

  it.each<[string, RegExp, (target: StreamTarget) => StreamTarget | Promise<StreamTarget>]>([
    ["a certificate of another name", /Hostname|altnames/, (target) => ({ ...target, serverName: "other.example" })],
    ["a certificate of another authority", /self-signed|certificate/, async (target) => {
      await using other = await startStreamServer();
      return { ...target, ca: other.target.ca };
    }],
  ])("shows its token to nobody with %s", async (_, message, changed) => {
    await using server = await startStreamServer();
    await using sender = new Sender(await changed(server.target));
    sender.tell("a");
    await until("the failure", () => message.test(sender.stream.fault ?? ""));
    expect([server.reports, sender.outbox.waiting]).toEqual([[], 1]);
  });

  it.each([
    ["a refusal", { status: 403, body: "Report of the token's own node" }, /403 "Report of the token's own node"/],
    ["an answer that is none", { body: "<html>" }, /Cannot read the operator's answer/],
    ["a redirection in the clear", { status: 307, headers: { location: "http://127.0.0.1:1/" } }, /expected an https address/],
    ["a failure of its own", { status: 500, body: "" }, /500/],
  ])("keeps results and says why after %s, then tells them", async (_, answer, message) => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target);
    server.answer = () => answer;
    sender.tell("a");
    await until("the failure", () => message.test(sender.stream.fault ?? ""));
    expect(sender.outbox.waiting).toBe(1);
    server.answer = () => ({});
    await until("the result", () => sender.outbox.waiting === 0);
  });

  it("stays away as long as it is told to", async () => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target);
    server.answer = () => ({ status: 429, headers: { "retry-after": "3600" }, body: "Report less often" });
    sender.tell("a");
    await until("the refusal", () => sender.stream.fault?.includes("429"));
    const posts = server.reports.length;
    for (let i = 0; i < 20; i++) sender.tell(`more-${i}`);
    sender.stream.setTarget({ ...server.target, url: `${server.target.url}/` });
    await until("a post to the new address", () => server.reports.length > posts);
    expect(server.reports.length).toBe(posts + 1);
  });

  it("says which token it cannot read", async () => {
    await using server = await startStreamServer();
    await using sender = new Sender(server.target, [join(directory, "absent")]);
    sender.tell("a");
    await until("the failure", () => /Cannot read a token .*absent/.test(sender.stream.fault ?? ""));
  });
});
