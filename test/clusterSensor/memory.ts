/**
 * Measures what a sensor in a cluster costs: `memory.ts [PODS] [PROGRAM]` prints its resident memory with so many pods on
 * the node. PROGRAM is an installed `flowreset`; the checkout's otherwise, which keeps the compiler in memory.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { World } from "./world.ts";

const pods = Number(process.argv[2] ?? 250);
const program = process.argv[3];
const world = await World.open();
const { server } = world;
try {
  const { namespace, node } = world;
  const account = `/api/v1/namespaces/${namespace}/pods`;
  for (let i = 0; i < pods; i++) {
    const name = `pod-${i}`;
    const env = Array.from({ length: 20 }, (_, n) => ({ name: `VARIABLE_${n}`, value: "x".repeat(60) }));
    const body = { metadata: { name, labels: { app: `app-${i % 20}`, "pod-template-hash": "5d4f8c7b9" } }, spec: { nodeName: node, containers: [{ name: "a", image: "a", env }] } };
    await server.expect("POST", account, { body });
    const ip = `10.244.${1 + Math.floor(i / 250)}.${(i % 250) + 3}`;
    await server.expect("PATCH", `${account}/${name}/status`, { contentType: "application/merge-patch+json", body: { status: { phase: "Running", podIP: ip, podIPs: [{ ip }] } } });
  }
  for (let i = 0; i < 20; i++) await world.apply("ResponsePolicy", `policy-${i}`, { subject: { podSelector: { matchLabels: { app: `app-${i}` } } }, rules: [{ name: "r", signature: { rules: [`alert tcp any any -> any any (msg:"m"; content:"attack-number-${i}"; sid:${i + 1};)`] } }] });
  const token = await tokenOf();
  const sensor = await world.sensorInPod(token, { more: ["--table-capacity", "262144"], ...(program === undefined ? {} : { program: [program] }) });
  const pid = sensor.process.innermostPid!;
  for (const seconds of [5, 15, 30]) {
    await sleep(seconds * 1_000);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const value = (key: string): number => Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]) / 1_024);
    console.log(`${pods} pods: VmRSS ${value("VmRSS")} MB, of which anonymous ${value("RssAnon")} MB, shared memory ${value("RssShmem")} MB; highest ${value("VmHWM")} MB`);
  }
  await sensor.stop();
} finally {
  await world.close();
}

/** Of an account that may do what the tests' administrator may. */
async function tokenOf(): Promise<string> {
  await server.createServiceAccount("flowreset-system", "flowreset-sensor");
  await server.kubectl(["create", "clusterrolebinding", "memory", "--clusterrole=cluster-admin", "--serviceaccount=flowreset-system:flowreset-sensor"]);
  return server.createToken({ namespace: "flowreset-system", name: "flowreset-sensor" });
}
