/** The image, built twice by `images/build.sh` from two checkouts, unpacked and started: as root, with buildah. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const MEGABYTE = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), "flowreset-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Config {
  readonly architecture: string;
  readonly created: string;
  readonly config: { readonly User: string; readonly Entrypoint: string[]; readonly Env: string[] };
}

let archive: Buffer;
let second: Buffer;
let config: Config;
let annotations: Record<string, string>;
let files: string[];
const unpacked = join(folder, "root");

/** Builds from `checkout`; the bytes of the archive. */
function build(checkout: string, out: string): Buffer {
  execFileSync(join(checkout, "images/build.sh"), [out], { stdio: ["ignore", "ignore", "pipe"] });
  const names = readdirSync(out).filter((name) => name.endsWith(".oci.tar"));
  expect(names).toHaveLength(1);
  return readFileSync(join(out, names[0]!));
}

/** The same sources under another name, at another hour: what a second machine would have. */
function otherCheckout(): string {
  const copy = join(folder, "somewhere", "else");
  const names = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const name of names.split("\n").filter((each) => each !== "" && existsSync(join(root, each)))) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(root, name), join(copy, name));
  }
  for (const name of [".tools", "node_modules"]) if (existsSync(join(root, name))) symlinkSync(join(root, name), join(copy, name));
  execFileSync(join(copy, "tools/native.sh"));
  return copy;
}

beforeAll(() => {
  archive = build(root, join(folder, "first"));
  second = build(otherCheckout(), join(folder, "second"));
  const layout = join(folder, "layout");
  mkdirSync(layout);
  mkdirSync(unpacked);
  execFileSync("tar", ["xf", "-", "-C", layout], { input: archive });
  const blob = (digest: string) => join(layout, "blobs", ...digest.split(":"));
  const read = <T>(path: string) => JSON.parse(readFileSync(path, "utf8")) as T;
  const index = read<{ manifests: { digest: string; annotations: Record<string, string> }[] }>(join(layout, "index.json"));
  annotations = index.manifests[0]!.annotations;
  const manifest = read<{ config: { digest: string }; layers: { digest: string }[] }>(blob(index.manifests[0]!.digest));
  config = read<Config>(blob(manifest.config.digest));
  for (const { digest } of manifest.layers) execFileSync("tar", ["xzf", blob(digest), "-C", unpacked]);
  files = readdirSync(unpacked, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(unpacked, name)).isFile());
}, 600_000);

describe("the image", () => {
  it("is the same to the byte when it is built from another folder", () => {
    const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(second)).toBe(digest(archive));
  });

  it("tells importers its whole name, the one that the chart asks for", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(annotations).toEqual({ "io.containerd.image.name": `docker.io/library/flowreset:${version}`, "org.opencontainers.image.ref.name": version });
  });

  it("is smaller than 80 MB", () => {
    expect(archive.length).toBeLessThan(80 * MEGABYTE);
    expect(archive.length).toBeGreaterThan(10 * MEGABYTE);
  });

  it("says nothing of when and by whom it was built, and runs as nobody unless told otherwise", () => {
    expect(config.created).toBe("1970-01-01T00:00:00Z");
    expect(config.config.User).toBe("65532:65532");
    expect(files.filter((name) => statSync(join(unpacked, name)).uid !== 0 || statSync(join(unpacked, name)).mtimeMs !== 0)).toEqual([]);
  });

  it.each([
    ["a test", /\.(test|fixture|spec)\.|(^|\/)tests?\//],
    ["a source with types", /\.[cm]?ts$/],
    ["a source map", /\.map$/],
    ["a compiler, its sources or headers", /(^|\/)(cc|gcc|tsc|typescript|node-gyp)(\/|$)|\.[ch]$/],
    ["npm", /(^|\/)(npm|npx|corepack)(\/|$)/],
    ["a shell", /(^|\/)(ba|da|z)?sh$|busybox|\.sh$/],
    ["what only a machine outside the cluster loads", /@kubernetes|node_modules\/cap\//],
  ])("has no file that is %s", (_, pattern) => {
    expect(files.filter((name) => pattern.test(name))).toEqual([]);
  });

  it("has Node.js and our command as programs, the loader beside them, and nothing that raises rights", () => {
    const modes = files.map((name) => ({ name, mode: statSync(join(unpacked, name)).mode }));
    const programs = modes.filter(({ mode }) => (mode & 0o111) !== 0).map(({ name }) => name);
    expect(programs.filter((name) => !/(^|\/)ld-/.test(name)).sort()).toEqual(["usr/bin/flowreset", "usr/bin/node"]);
    expect(modes.filter(({ mode }) => (mode & 0o7022) !== 0)).toEqual([]);
  });

  it("carries the licence of each thing that it distributes", () => {
    expect(files).toContain("usr/share/licenses/node/LICENSE");
    expect(files).toContain("usr/lib/flowreset/LICENSE");
  });

  it.each([
    ["0:0", ["version"], /^flowreset \d/],
    ["65532:65532", ["version"], /^flowreset \d/],
    ["65532:65532", ["operator", "--help"], /^Usage: flowreset operator/],
    ["0:0", ["sensor", "--help"], /--cluster/],
  ])("starts as user %s with %j", (user, words, answer) => {
    const [program, ...start] = config.config.Entrypoint;
    // chroot keeps this machine's kernel and takes the image's files: what a container does first.
    const printed = execFileSync("chroot", [`--userspec=${user}`, unpacked, program!, ...start, ...words], { encoding: "utf8", env: Object.fromEntries(config.config.Env.map((each) => each.split(/=(.*)/s).slice(0, 2) as [string, string])) });
    expect(printed).toMatch(answer);
  });

  const product = "/usr/lib/flowreset";
  it.each([
    ["its native file, with its own libraries", `process.dlopen({ exports: {} }, "${product}/sensor/native/flowreset-${process.arch}.node")`],
    ["what makes the operator's certificate", `await (await import("${product}/operator/certificate/make.js")).makeAuthority("a", Date.now())`],
    ["the whole operator", `await import("${product}/operator/main.js")`],
    ["the whole sensor and its Worker's pipeline", `await import("${product}/sensor/main.js"); await import("${product}/sensor/pipeline.js")`],
  ])("loads %s", (_, script) => {
    const words = ["/usr/bin/node", "--input-type=module", "--eval", `${script}; console.log("loaded")`];
    expect(execFileSync("chroot", ["--userspec=65532:65532", unpacked, ...words], { encoding: "utf8" })).toBe("loaded\n");
  });
});
