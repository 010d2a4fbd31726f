/**
 * `make demo`: a client pod, a server pod and an outside host 20 ms away, the real sensor standalone on the examples,
 * and six scenes beside which a legitimate download runs all the time. Ends 0 only when all of it happened.
 */
import { join } from "node:path";
import { APPLICATION, SCENES } from "./demo/scenes.ts";
import { bold, verdict } from "./demo/stage.ts";
import type { Result, Stage } from "./demo/stage.ts";
import { Agent, delay, download, Lab, sha256OfBytes, url } from "./mod.ts";
import { SensorProcess } from "./sensor.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples");
const DOWNLOAD_BYTES = 60e6;
const DOWNLOAD_RATE = "4M";

const asJson = process.argv.includes("--json");
const started = performance.now();
const say = (text: string): void => {
  if (!asJson) console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
};

async function run(): Promise<Result[]> {
  const results: Result[] = [];
  say("building the lab: network namespaces for a node, two pods and a host 20 ms away");
  await using lab = await Lab.open();
  const interrupted = (): void => void lab.close().then(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  const net = await delay(lab);
  const [client, server, outside] = await Promise.all([net.client, net.server, net.outside].map(({ namespace }) => Agent.start(namespace)));
  await server!.http(80);
  await net.server.start([process.execPath, "-e", APPLICATION]).waitForOutput(/up/);
  say("starting the sensor on examples/ (flowreset sensor --policies ...)");
  const files = ["block-exploit.yaml", "stop-marked-document.yaml", "forbid-host.yaml", "settings.yaml"].map((name) => join(EXAMPLES, name));
  const sensor = await SensorProcess.start(net.node, { files });
  say("it watches; a legitimate download begins and runs beside everything that follows");
  const innocent = download(net.client, url(net.server.ipv4, 80, `/bytes/${DOWNLOAD_BYTES}`), DOWNLOAD_RATE);
  const stage: Stage = { net, sensor, client: client!, server: server!, outside: outside!, say: (text) => say(`    ${text}`) };
  for (const [index, scene] of SCENES.entries()) {
    say(bold(`(${"abcdefgh"[index]}) ${scene.title}`));
    try {
      const story = await scene.play(stage);
      results.push({ scene: scene.title, ok: true, story });
      say(`    ${verdict(true)}: ${story}`);
    } catch (error) {
      const story = (error as Error).message;
      results.push({ scene: scene.title, ok: false, story });
      say(`    ${verdict(false)}: ${story}`);
    }
  }
  say(bold("the legitimate download"));
  const { exitCode, bytes, sha256 } = await innocent.finished;
  const whole = exitCode === 0 && sha256 === sha256OfBytes(DOWNLOAD_BYTES);
  const story = whole ? `${bytes} bytes, the right checksum` : `curl ended with ${exitCode} after ${bytes} bytes`;
  results.push({ scene: "a legitimate download beside all this", ok: whole, story });
  say(`    ${verdict(whole)}: ${story}`);
  if (results.some(({ ok }) => !ok)) console.error(sensor.process.stderr.slice(-2_000));
  return results;
}

try {
  const results = await run();
  const failed = results.filter(({ ok }) => !ok).length;
  if (asJson) console.log(JSON.stringify({ ok: failed === 0, results }));
  else console.log(`\n${results.length - failed} of ${results.length} as promised, in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  process.exit(failed === 0 ? 0 : 1);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
