import { describe, expect, it } from "vitest";
import type { Call } from "./exchange.ts";
import { KubeError } from "./kubeError.ts";
import { listPages } from "./pages.ts";
import { RESOURCES } from "./resources.ts";

const refusal = (status: number, reason: string) => new KubeError({ verb: "list", resource: "pods", name: "", path: "", status, reason, message: "scripted" });
const page = (names: readonly string[], next = "") => ({ metadata: { resourceVersion: "9", continue: next }, items: names.map((name) => ({ metadata: { name, managedFields: [{}] } })) });

/** Runs a list over scripted answers. */
async function run(answers: readonly (object | Error)[], options = {}): Promise<{ queries: Call["query"][]; pages: string[] }> {
  const queries: Call["query"][] = [];
  const request = async ({ query }: Call): Promise<unknown> => {
    const answer = answers[queries.push(JSON.parse(JSON.stringify(query))) - 1];
    if (answer instanceof Error || answer === undefined) throw answer ?? new Error("asked too often");
    return answer;
  };
  const pages: string[] = [];
  for await (const { items, isRestart } of listPages(request, RESOURCES.pods, options)) {
    pages.push(`${isRestart ? "anew: " : ""}${items.map(({ kind, apiVersion, metadata }) => `${apiVersion} ${kind} ${Object.keys(metadata).join()} ${metadata.name}`).join("; ")}`);
  }
  return { queries, pages };
}

describe("a list in pages", () => {
  it("asks for the version with its first page only, and goes on where the server says", async () => {
    const { queries, pages } = await run([page(["a"], "x"), page(["b"])], { resourceVersion: "0" });
    expect(queries).toEqual([{ limit: 500, resourceVersion: "0" }, { limit: 500, continue: "x" }]);
    expect(pages).toEqual(["v1 Pod name a", "v1 Pod name b"]);
  });

  it("takes a newer version than the one that is known", async () => {
    expect((await run([page(["a"], "x"), page(["b"])], { resourceVersion: "7" })).queries).toEqual([{ limit: 500, resourceVersion: "7", resourceVersionMatch: "NotOlderThan" }, { limit: 500, continue: "x" }]);
  });

  it("begins anew, as one whole list, where the rest was forgotten", async () => {
    const { queries, pages } = await run([page(["a"], "x"), refusal(410, "Expired"), page(["b"])], { resourceVersion: "0" });
    expect(queries.at(-1)).toEqual({});
    expect(pages).toEqual(["v1 Pod name a", "anew: v1 Pod name b"]);
  });

  it("fails where the version itself is forgotten, and for everything else", async () => {
    await expect(run([refusal(410, "Expired")], { resourceVersion: "5" })).rejects.toMatchObject({ status: 410 });
    await expect(run([page(["a"], "x"), refusal(500, "InternalError")])).rejects.toMatchObject({ status: 500 });
    await expect(run([page(["a"], "x"), refusal(410, "Expired"), refusal(410, "Expired")])).rejects.toMatchObject({ status: 410 });
  });

  it("asks for smaller pages where one is too long, down to one object, and then says so", async () => {
    const tooLarge = refusal(0, "ResponseTooLarge");
    const { queries } = await run([tooLarge, page(["a"], "x"), tooLarge, page(["b"])], { resourceVersion: "0" });
    expect(queries).toEqual([{ limit: 500, resourceVersion: "0" }, { limit: 50 }, { limit: 50, continue: "x" }, { limit: 5, continue: "x" }]);
    await expect(run([tooLarge, tooLarge, tooLarge, tooLarge])).rejects.toMatchObject({ reason: "ResponseTooLarge" });
  });

  it("takes a list that holds nothing", async () => {
    expect((await run([{ metadata: { resourceVersion: "1" }, items: null }])).pages).toEqual([""]);
  });
});
