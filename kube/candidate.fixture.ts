/**
 * A process that stands for election until it is killed, and says on standard output when it leads: `leading` and
 * `lost` once each, and `leads T` (ms of the machine's clock) every few ms as long as it would write as the leader.
 * SIGTERM: gives the lease back and ends.
 */
import { LeaderElector, connect } from "./mod.ts";

const [namespace, identity, folder] = process.argv.slice(2) as [string, string, string];
const client = await connect({ serviceAccountFolder: folder });
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const elector = new LeaderElector({
  client,
  namespace,
  name: "leader",
  identity,
  annotations: { "flowreset.io/address": `https://${identity}` },
  // Less than what ships: a test must not take a minute. Not much less: a busy machine must not lose a lease by itself.
  leaseDurationMs: 9_000,
  renewDeadlineMs: 7_500,
  retryPeriodMs: 500,
  onStartedLeading: () => say("leading"),
  onStoppedLeading: () => {
    say("lost");
    process.exit(3);
  },
});
elector.start();
const beat = setInterval(() => {
  if (elector.isLeader) say(`leads ${performance.timeOrigin + performance.now()}`);
}, 5);
process.on("SIGTERM", () => {
  clearInterval(beat);
  void elector.close().then(() => client.close()).then(() => process.exit(0));
});
