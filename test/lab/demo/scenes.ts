/** The scenes of the demo, in the order in which they are played. The download beside them is the demo's own. */
import { THINKING_MS } from "./webServer.ts";
import { callForbidden, exploitRequest, upload, UPLOAD_BYTES } from "./attacks.ts";
import { bytesExchanged, socketStates } from "./idleSession.ts";
import { example, expectThat, Hearing, inForce, POLICY_FILES } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { bytesText, duration, killStory } from "./story.ts";
import type { Scene } from "./story.ts";
import { until } from "../mod.ts";

const NEIGHBOUR_FILE = "forbid-neighbour.yaml";
const IDLE_AT_LEAST_MS = 1_000;
const OBSERVED_PATIENCE_MS = 300;

/** The example that forbids a network, for the pod next door. */
function forbidNeighbour({ neighbour }: Stage, mode: string): string {
  return example("forbid-host.yaml").replace("name: forbid-host", "name: forbid-neighbour")
    .replace("198.51.100.0/24", `${neighbour.ipv4}/32`).replace("mode: Enforce", `mode: ${mode}`);
}

/** Two scenes are races: a busy machine that keeps the sensor waiting may lose one, which is told, and run again. */
const TRIES = 3;

async function race<T>(stage: Stage, run: () => Promise<T>, isLost: (result: T) => boolean): Promise<T> {
  for (let left = TRIES; ; left--) {
    const result = await run();
    if (!isLost(result) || left === 1) return result;
    stage.say("sensor", "was too late: this machine kept it waiting; once more");
  }
}

export const SCENES: readonly Scene[] = [
  {
    letter: "a",
    name: "exploit in a request",
    title: `An HTTP request with an exploit string: cut before the application, which thinks for ${THINKING_MS} ms, answers`,
    async play(stage) {
      const run = async () => ({ hearing: new Hearing(stage.sensor, "block-exploit"), ...(await exploitRequest(stage)) });
      const { hearing, exitCode, bodyBytes, words } = await race(stage, run, (result) => result.exitCode === 0);
      const { alert } = await hearing.event("alert");
      stage.say("sensor", `sees "${alert!.signature}" and cuts the connection`);
      stage.say("outside", `${words}; ${bodyBytes} bytes of an answer came`);
      expectThat(exitCode === 56 && bodyBytes === 0, `curl is reset (exit 56) without a byte of an answer: exit ${exitCode}, ${bodyBytes} bytes`);
      const outcome = await hearing.event("outcome");
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      const story = killStory(outcome, "block-exploit");
      return { ...story, text: `${story.text} (its client is 20 ms away)` };
    },
  },
  {
    letter: "b",
    name: "marked upload",
    title: "An upload at full speed, and a marked document in the middle of it: cut in mid-stream",
    async play(stage) {
      const hearing = new Hearing(stage.sensor, "stop-marked-document");
      const { error, arrivedBytes, passedBytes, bytesPerSecond } = await upload(stage, UPLOAD_BYTES);
      const { alert } = await hearing.event("alert");
      stage.say("sensor", `sees "${alert!.signature}" and cuts the connection`);
      stage.say("client", `${error ?? "an orderly end"} after ${bytesText(arrivedBytes)} of ${bytesText(UPLOAD_BYTES)}, at ${bytesText(bytesPerSecond)} a second`);
      expectThat(error !== undefined && arrivedBytes < UPLOAD_BYTES, "the upload breaks off");
      expectThat(passedBytes >= 0, "the server has seen the mark");
      const outcome = await hearing.event("outcome");
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      return killStory(outcome, "stop-marked-document", passedBytes, "mark");
    },
  },
  {
    letter: "c",
    name: "forbidden, far away",
    title: "A call to a forbidden host 20 ms away: refused in the handshake",
    async play(stage) {
      const run = async () => ({ hearing: new Hearing(stage.sensor, "forbid-host"), answer: await callForbidden(stage, stage.net.outside) });
      const { hearing, answer } = await race(stage, run, (result) => result.answer === "ECONNRESET");
      stage.say("client", `sees ${answer}, long before the host could have answered`);
      expectThat(answer === "ECONNREFUSED", `the client sees ECONNREFUSED: it saw ${answer}`);
      const outcome = await hearing.event("outcome");
      const { outcome: verdict, reason } = outcome.flowreset;
      expectThat(verdict === "Confirmed" && reason === "RefusedBeforeEstablished", `the refusal is confirmed: ${verdict}, ${reason}`);
      return killStory(outcome, "forbid-host", undefined, "SYN");
    },
  },
  {
    letter: "c",
    name: "forbidden, next door",
    title: "A call to a forbidden host next door, whose answer may be quicker than ours: refused, or cut at once",
    async play(stage) {
      stage.say("node", `the file ${NEIGHBOUR_FILE} is dropped into the sensor's directory`);
      stage.sensor.write(NEIGHBOUR_FILE, forbidNeighbour(stage, "Enforce"));
      await inForce(stage.sensor, POLICY_FILES.length + 1);
      const hearing = new Hearing(stage.sensor, "forbid-neighbour");
      const answer = await callForbidden(stage, stage.neighbour);
      const outcome = await hearing.event("outcome");
      const { outcome: verdict, reason } = outcome.flowreset;
      stage.say("client", `sees ${answer}: ${reason === "RefusedBeforeEstablished" ? "our refusal came first" : "the host's answer came first, and the connection was cut at once"}`);
      expectThat(/^(ECONNREFUSED|ECONNRESET|EPIPE)$/.test(answer), `the client is refused or cut at once: it saw ${answer}`);
      expectThat(verdict === "Confirmed" && /^(RefusedBeforeEstablished|CutAfterEstablished)$/.test(reason), `the outcome says which it was: ${verdict}, ${reason}`);
      return killStory(outcome, "forbid-neighbour", undefined, "SYN");
    },
  },
  {
    letter: "d",
    name: "idle session",
    title: "A FlowReset file kills one idle session, whose packets the sensor has never seen",
    async play(stage) {
      const { net, sensor, idle, idleTwin } = stage;
      const before = await bytesExchanged(net, idle);
      await new Promise((resolve) => setTimeout(resolve, IDLE_AT_LEAST_MS));
      expectThat(before !== "gone" && (await bytesExchanged(net, idle)) === before, `the ${idle.kind} is alive and idle: ${before}`);
      const hearing = new Hearing(sensor, "kill-session");
      stage.say("node", `resets/kill-session.yaml is dropped into the directory: client port ${idle.clientPort}, not its twin's ${idleTwin.clientPort}`);
      const droppedMs = Date.now();
      sensor.write("kill-session.yaml", example("resets/kill-session.yaml").replace("{ip: 192.0.2.7}", `{ip: ${net.client.ipv4}, port: ${idle.clientPort}}`)
        .replace("{ip: 203.0.113.9, port: 22}", `{ip: ${net.server.ipv4}, port: ${idle.serverPort}}`));
      const outcome = await hearing.event("outcome");
      expectThat(outcome.flowreset.outcome === "Confirmed", `both ends are proved dead: ${outcome.flowreset.outcome}`);
      stage.say("sensor", "asks one end for its numbers (a SYN draws a challenge ACK) and resets both with exactly those");
      const deadUs = (Date.parse(outcome.timestamp) - droppedMs) * 1000;
      stage.say("client", await idle.ending());
      const states = await until("both sockets gone", async () => {
        const found = await socketStates(net, idle);
        return found.every((state) => state === "gone") ? found : undefined;
      }).catch(() => socketStates(net, idle));
      stage.say("node", `ss at the client: ${states[0]}; at the server: ${states[1]}`);
      expectThat(states.every((state) => state === "gone"), `ss shows the socket at neither end: ${states.join(", ")}`);
      await idleTwin.echo("still here");
      stage.say("client", `the other ${idle.kind} still answers`);
      const rstLeftUs = deadUs - (outcome.flowreset.time_to_confirmed_us ?? 0);
      const text = `RST left ${duration(rstLeftUs)} after the file was there; 0 B passed; both ends proved dead after ${duration(deadUs)}`;
      return { ...killStory(outcome, "kill-session.yaml"), rstLeftUs, deadUs, text };
    },
  },
  {
    letter: "e",
    name: "all under Observe",
    title: "The same attacks under mode: Observe: nothing dies, and what would have is counted",
    async play(stage) {
      const { sensor, net, neighbour } = stage;
      for (const file of [...POLICY_FILES, NEIGHBOUR_FILE, "kill-session.yaml"]) sensor.remove(file);
      await inForce(sensor, 0);
      sensor.write("policies.yaml", example("observe/policies.yaml"));
      sensor.write(NEIGHBOUR_FILE, forbidNeighbour(stage, "Observe"));
      await inForce(sensor, POLICY_FILES.length + 1);
      stage.say("node", "observe/policies.yaml takes the place of the policies");
      const before = await sensor.metric("flowreset_would_resets_total");
      const since = sensor.events.length;
      const { exitCode, bodyBytes } = await exploitRequest(stage);
      stage.say("outside", `curl has its answer of ${bodyBytes} bytes`);
      expectThat(exitCode === 0 && bodyBytes > 0, `curl gets its answer: exit ${exitCode}, ${bodyBytes} bytes`);
      const wanted = 60e6;
      const { error, arrivedBytes } = await upload(stage, wanted);
      stage.say("client", `the upload has arrived: ${bytesText(arrivedBytes)} of ${bytesText(wanted)}`);
      expectThat(error === undefined && arrivedBytes === wanted, `the upload arrives whole: ${error ?? arrivedBytes}`);
      for (const host of [net.outside, neighbour]) {
        const answer = await callForbidden(stage, host, OBSERVED_PATIENCE_MS);
        stage.say("client", `is ${answer}`);
        expectThat(answer === "answered", `the forbidden host ${host.ipv4} answers: ${answer}`);
      }
      const would = await until("four more would-resets", async () => {
        const more = (await sensor.metric("flowreset_would_resets_total")) - before;
        return more >= 4 ? more : undefined;
      });
      stage.say("metrics", `flowreset_would_resets_total has grown by ${would}`);
      const did = sensor.events.slice(since).filter(({ event_type: type }) => type !== "alert");
      expectThat(did.length === 0, `nothing is reset: ${JSON.stringify(did[0])}`);
      return { text: `four attacks, ${would} would-resets counted, 0 RSTs sent, nothing died`, seen: "observe/policies.yaml", outcome: `${would} would-resets, nothing died` };
    },
  },
];
