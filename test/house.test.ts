/**
 * The rules of the house, as tests. Each row says why it is there; a rule that no longer makes sense is
 * deleted here first, with its reason.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((name) => name !== "" && existsSync(join(root, name)));
const code = files.filter((name) => /\.(ts|c)$/.test(name));
const isTest = (name: string) => /\.test\.ts$|\.fixture\.ts$|^test\//.test(name);
const sources = code.filter((name) => name.endsWith(".ts") && !isTest(name));
const read = (name: string) => readFileSync(join(root, name), "utf8");

/** Folders whose own files wire the rooms in them together. */
const houses = ["sensor", "operator"];

/** The room of a file: `sensor/flow`, `operator/fleet`, `crds`, ... */
function roomOf(name: string): string {
  const [house, room, file] = name.split("/");
  return houses.includes(house!) && file !== undefined ? `${house}/${room}` : house!;
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly line: string;
}

function importsOf(name: string): Import[] {
  const found: Import[] = [];
  for (const match of read(name).matchAll(/^(?:import|export)\b[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm)) {
    const target = (match[1] ?? match[2] ?? match[3])!;
    found.push({ from: name, to: target.startsWith(".") ? relative(root, resolve(root, dirname(name), target)) : target, line: match[0] });
  }
  return found;
}

/** What each room may import, and why the arrow is there. Everything else is a step backwards. */
const arrows: readonly { room: string; may: readonly string[]; why: string }[] = [
  { room: "crds", may: [], why: "the shared language knows nobody" },
  { room: "memory", may: [], why: "gives back what a process needs no more, whatever it is for" },
  { room: "kube", may: [], why: "speaks to an API server and knows no kind's meaning" },
  { room: "sensor/decode", may: [], why: "bytes to headers needs nothing else" },
  { room: "sensor/capture", may: ["sensor/decode", "sensor/inject", "sensor/native"], why: "yields frames (their shape is decode's) and empties the outbox; knows no meaning" },
  { room: "sensor/native", may: [], why: "loads the addon" },
  { room: "sensor/topology", may: ["sensor/decode", "sensor/native"], why: "reads rtnetlink; addresses are decode's" },
  { room: "sensor/flow", may: ["sensor/decode"], why: "connections are made of packets" },
  { room: "sensor/inspect", may: ["sensor/decode", "sensor/flow"], why: "protocols are read from streams" },
  { room: "sensor/detect", may: ["crds", "sensor/decode", "sensor/flow", "sensor/inspect"], why: "findings come from flows and facts" },
  { room: "sensor/decide", may: ["crds", "sensor/decode", "sensor/flow", "sensor/inspect", "sensor/detect"], why: "a verdict needs a finding and the flow it is about" },
  { room: "sensor/inject", may: ["crds", "sensor/decode", "sensor/flow", "sensor/detect", "sensor/decide"], why: "a reset needs the verdict and the exact numbers of the flow" },
  { room: "sensor/report", may: ["crds", "sensor/decode", "sensor/flow", "sensor/detect", "sensor/decide", "sensor/inject"], why: "tells what happened, changes nothing" },
  { room: "sensor/policy", may: ["crds", "sensor/decide"], why: "control comes in by one door" },
  { room: "sensor/cluster", may: ["crds", "kube", "sensor/decide", "sensor/policy", "sensor/report"], why: "learns from the API server, tells in the decider's and the policy's own words" },
  { room: "sensor/control", may: ["crds", "sensor/report"], why: "the local socket serves what it is given" },
  { room: "operator/queue", may: [], why: "work by key knows no work" },
  { room: "operator/condition", may: ["crds"], why: "conditions have one form for every kind" },
  { room: "operator/roster", may: ["crds"], why: "sensors are known by what they report" },
  { room: "operator/certificate", may: ["kube"], why: "keeps one Secret" },
  { room: "operator/markKey", may: ["kube"], why: "keeps one Secret" },
  { room: "operator/nodes", may: ["kube"], why: "reads Nodes, writes one ConfigMap" },
  { room: "operator/defaultFleet", may: ["kube"], why: "makes one fleet of one ConfigMap" },
  { room: "operator/stream", may: ["crds", "kube"], why: "takes reports, asks the API server whose they are" },
  { room: "operator/flowReset", may: ["crds", "kube", "operator/condition", "operator/roster"], why: "a controller knows no other one" },
  { room: "operator/policy", may: ["crds", "kube", "operator/condition", "operator/roster"], why: "a controller knows no other one" },
  { room: "operator/fleet", may: ["crds", "kube", "operator/condition", "operator/roster", "operator/nodes"], why: "a fleet is for nodes; a controller knows no other one" },
  { room: "operator/sensorNode", may: ["crds", "kube", "operator/condition", "operator/roster"], why: "a controller knows no other one" },
  { room: "operator/telemetry", may: ["kube"], why: "says what it is given, to whom the API server allows it" },
  { room: "cli", may: ["crds", "sensor", "sensor/control", "sensor/report", "operator"], why: "commands call the doors of sensor and operator" },
];

const pure = ["sensor/decode", "sensor/flow", "sensor/inspect", "sensor/detect", "sensor/decide"];

/** Named exceptions to the limit of 400 lines, each with its reason. */
const longFiles: Readonly<Record<string, string>> = {};

describe("imports point one way", () => {
  for (const { room, may, why } of arrows) {
    it(`${room} imports only ${may.join(", ") || "nothing of the house"}: ${why}`, () => {
      const wrong = sources
        .filter((name) => roomOf(name) === room)
        .flatMap(importsOf)
        .filter(({ to }) => files.includes(to))
        .filter(({ to }) => roomOf(to) !== room && !may.includes(roomOf(to)))
        .map(({ from, to }) => `${from} -> ${to}`);
      expect(wrong).toEqual([]);
    });
  }

  it("every room has its row above", () => {
    const rooms = new Set(sources.map(roomOf).filter((room) => ![...houses, "tools", "vitest.config.ts"].includes(room)));
    expect([...rooms].filter((room) => !arrows.some((row) => row.room === room))).toEqual([]);
  });

  it("a room is entered by its door", () => {
    const wrong = sources
      .flatMap(importsOf)
      .filter(({ from, to }) => files.includes(to) && roomOf(from) !== roomOf(to) && !houses.includes(roomOf(to)) && !to.endsWith("/mod.ts"))
      .map(({ from, to }) => `${from} -> ${to}`);
    expect(wrong).toEqual([]);
  });

  it("a packet Worker loads no package but ipaddr.js: each Worker would hold it once more", () => {
    const seen = new Set(["sensor/worker.ts"]);
    const packages = new Set<string>();
    for (const name of seen) {
      for (const { to, line } of importsOf(name)) {
        if (/^(import|export) type\b|^import\(/.test(line)) continue; // Erased, or loaded by whoever needs it.
        if (files.includes(to)) seen.add(to);
        else if (!to.startsWith("node:")) packages.add(to);
      }
    }
    expect(seen).toContain("sensor/pipeline.ts");
    expect([...packages]).toEqual(["ipaddr.js"]);
  });

  it("node:http is never imported, only its types: an import evaluates all its exports, undici among them (12 MB); node:https has no such export", () => {
    const wrong = sources.flatMap(importsOf).filter(({ to, line }) => to === "node:http" && !/^import type\b/.test(line)).map(({ from }) => from);
    expect(wrong).toEqual([]);
  });

  it("nothing that ships imports a test", () => {
    const wrong = sources.flatMap(importsOf).filter(({ to }) => isTest(to)).map(({ from, to }) => `${from} -> ${to}`);
    expect(wrong).toEqual([]);
  });
});

describe("decode to decide is pure", () => {
  const forbidden: readonly [RegExp, string][] = [
    [/from "node:/, "no I/O: a packet's fate depends on packets and policy alone"],
    [/\bDate\b/, "time is an argument: replay must equal live"],
    [/\bMath\.random\b/, "seeds are arguments: a run can be repeated"],
    [/\bprocess\./, "no environment: a policy is the only control"],
    [/\bconsole\./, "no logger: facts leave as records"],
    [/\basync\b|\bawait\b|\bPromise\b/, "synchronous: nothing waits between a packet and its reset"],
    [/\bperformance\b|\bsetTimeout\b|\bsetInterval\b/, "no clock"],
  ];
  for (const [pattern, why] of forbidden) {
    it(`has no ${pattern.source}: ${why}`, () => {
      const wrong = sources
        .filter((name) => pure.includes(roomOf(name)))
        .flatMap((name) => withoutComments(read(name)).split("\n").filter((line) => pattern.test(line)).map((line) => `${name}: ${line.trim()}`));
      expect(wrong).toEqual([]);
    });
  }
});

describe("a stranger finds their way", () => {
  it("every room has a door whose header says what it is for and its invariant", () => {
    const rooms = new Set(sources.filter((name) => name.split("/").length > 1).map((name) => dirname(name)).filter((room) => !["tools", ...houses, "sensor/decide/guards"].includes(room)));
    const wrong = [...rooms].filter((room) => {
      const door = `${room}/mod.ts`;
      return !files.includes(door) || !/^\/\*\*[\s\S]*?\*\//.test(read(door)) || !/Invariant/.test(read(door));
    });
    expect(wrong).toEqual([]);
  });

  it("no file is longer than 400 lines, no test longer than 600: it would hold more than one idea", () => {
    const wrong = code
      .map((name) => ({ name, lines: read(name).split("\n").length }))
      .filter(({ name, lines }) => lines > (isTest(name) ? 600 : 400) && longFiles[name] === undefined);
    expect(wrong).toEqual([]);
  });

  it("no room or file is called utils, helpers, common or types: such a name says nothing", () => {
    expect(files.filter((name) => /(^|\/)(utils?|helpers?|common|types|misc)(\.|\/)/.test(name))).toEqual([]);
  });

  it("no test is skipped, focused or left for later", () => {
    const pattern = new RegExp(String.raw`\b(it|test|describe)\.(skip|todo|only|fails)\(`);
    expect(code.filter((name) => name !== "test/house.test.ts" && pattern.test(read(name)))).toEqual([]);
  });

  it("has at most ten runtime dependencies, each with its reason in ARCHITECTURE.md", () => {
    const { dependencies, optionalDependencies } = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
    const names = [...Object.keys(dependencies!), ...Object.keys(optionalDependencies!)];
    expect(names.length).toBeLessThanOrEqual(10);
    expect(names.filter((name) => !read("ARCHITECTURE.md").includes(`\`${name}\``))).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
