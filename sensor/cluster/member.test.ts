import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemClock } from "../../kube/mod.ts";
import { json, ScriptedServer } from "../../kube/scriptedServer.fixture.ts";
import type { Asked } from "../../kube/scriptedServer.fixture.ts";
import { createLog } from "../report/mod.ts";
import { ClusterMember } from "./member.ts";
import { StateFile } from "./stateFile.ts";

const GROUP = "flowreset.io/v1alpha1";
const directory = mkdtempSync(join(tmpdir(), "flowreset-"));

const fleetOf = (generation: number, protectedEndpoints: object[]) => ({ apiVersion: GROUP, kind: "SensorFleet", metadata: { name: "default", uid: "f", generation, resourceVersion: "3" }, spec: { protectedEndpoints } });
const reset = { apiVersion: GROUP, kind: "FlowReset", metadata: { name: "kill", namespace: "shop", uid: "r", generation: 1, resourceVersion: "4", creationTimestamp: new Date().toISOString() }, spec: { match: { client: { ip: "10.0.0.1" } } } };
const ITEMS: Record<string, object[]> = { sensorfleets: [fleetOf(2, [{ cidr: "10.0.0.2/32", ports: ["443"] }])], flowresets: [reset] };

function answerWith(items: Record<string, object[]>, { path, query }: Asked, answer: ServerResponse): void {
  if (query.get("watch") === "true") return void answer.writeHead(200).flushHeaders();
  json(answer, { kind: "List", apiVersion: "v1", metadata: { resourceVersion: "5" }, items: items[path.split("/").at(-1)!] ?? [] });
}

it("runs a FlowReset after what must be spared was told, also where that has changed while the sensor started", async () => {
  const waiting: [Asked, ServerResponse][] = [];
  const server = await ScriptedServer.start((asked, answer) => void waiting.push([asked, answer]));
  await new StateFile(directory).write({
    node: "n1", fleet: "default", machine: "m", contactMs: Date.now(), objects: [fleetOf(1, [])], namespaces: {}, nodeLabels: {}, nodeUid: "u", nodeAddresses: [], pods: [], bindings: [],
    neighbours: { apiServers: [], nameServers: [], services: { nameServices: [], healthCheckPorts: [] } },
  });
  const client = server.client(systemClock);
  const log = createLog("silent", false);
  const member = await ClusterMember.open({ client, node: "n1", fleet: "default", namespace: "flowreset", stateDirectory: directory, check: undefined, homeOf: () => 0, interfaces: () => [], log });
  // What is in force at the start is taken from the disk; then the API server answers, before anybody follows.
  const before = member.snapshot().objects.map(({ fingerprint }) => fingerprint);
  server.script = (asked, answer) => answerWith(ITEMS, asked, answer);
  for (const [asked, answer] of waiting) answerWith(ITEMS, asked, answer);
  await expect.poll(() => member.isSynced && member.watches.flowResets.isSynced).toBe(true);
  const told: string[] = [];
  member.follow({
    onPolicies: ({ objects }) => void told.push(`policies ${objects.map(({ fingerprint }) => fingerprint).join()}`),
    onReset: ({ uid }) => void told.push(`reset ${uid}`),
    onView: () => {}, onResetGone: () => {}, onObserveOnly: () => {}, onTooOld: () => {}, onStream: () => {}, onState: () => {},
  });
  expect([before, told]).toEqual([["f 1"], ["policies f 2", "reset r"]]);
  await member.close();
  await client.close();
  await server.close();
  rmSync(directory, { recursive: true });
});
