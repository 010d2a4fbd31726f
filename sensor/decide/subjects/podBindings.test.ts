import { expect, it } from "vitest";
import { type LocalPod, PodBindings } from "./podBindings.ts";

const X = "10.244.1.7";

function pod(uid: string, addresses: readonly string[] = [X], startedMs?: number): LocalPod {
  return { uid, namespace: "shop", name: uid, labels: {}, serviceAccount: "default", addresses, startedMs };
}

class Node {
  readonly bindings = new PodBindings();
  nowMs = 1_000_000;

  /** Interfaces that are there, `x` among them where the address lives. */
  net(indexes: readonly number[], x = 0): this {
    this.bindings.takeInterfaces(indexes, new Map(x === 0 ? [] : [[X, x]]), (this.nowMs += 100));
    this.bindings.bind(this.nowMs);
    return this;
  }

  pods(...pods: readonly LocalPod[]): this {
    this.bindings.takePods(pods, true, (this.nowMs += 100));
    return this;
  }

  silent(): this {
    this.bindings.takePods([], false, (this.nowMs += 100));
    return this;
  }

  later(ms: number): this {
    this.nowMs += ms;
    this.bindings.bind(this.nowMs);
    return this;
  }

  get bound(): string {
    return this.bindings.pods.map(({ uid, interfaceIndex }) => `${uid}@${interfaceIndex}`).join(" ");
  }
}

const node = () => new Node();

it.each<[string, string, Node]>([
  ["a@5", "the interface first, then the address", node().net([5], 5).pods(pod("a", [])).pods(pod("a"))],
  ["a@5", "the address before its home is known", node().net([5]).pods(pod("a")).net([5], 5)],
  ["a@5", "both when the sensor starts", node().net([5], 5).pods(pod("a"))],
  ["a@0", "the address known before the interface: it is another's", node().pods(pod("a")).net([5], 5)],
  ["a@0", "a pod without a home", node().net([5]).pods(pod("a"))],
  ["a@0", "its interface gone", node().net([5], 5).pods(pod("a")).net([])],
  ["a@5", "the address at home elsewhere meanwhile", node().net([5], 5).pods(pod("a")).net([5, 6], 6)],
  ["a@0", "the address at home elsewhere, its own interface gone", node().net([5], 5).pods(pod("a")).net([6], 6)],
  ["b@6", "the next owner", node().net([5], 5).pods(pod("a")).net([6], 6).pods(pod("b", [])).pods(pod("b"))],
  ["a@0 b@6", "the next owner while the first still seems to run", node().net([5], 5).pods(pod("a")).net([6], 6).pods(pod("a"), pod("b"))],
  ["a@0", "told late, after the next owner's interface: its own was another", node().net([5], 5).net([6], 6).pods(pod("a"))],
  ["b@6", "an interface that went before the kubelet began with the pod is not its own", node().net([5], 5).net([6], 6).pods(pod("b", [X], 1_900_000))],
  ["", "the same pod told again after it has gone", node().net([5], 5).pods(pod("a")).pods().net([6], 6).pods(pod("a"))],
  ["a@0 b@0", "two that claim one address", node().net([5], 5).pods(pod("a"), pod("b"))],
  ["a@0", "nothing new is believed without an API server", node().net([5]).pods(pod("a")).silent()],
  ["a@5", "what was known without an API server", node().net([5], 5).pods(pod("a")).silent()],
  ["a@0", "when the sensor starts, a pod that has not told its address may have it", node().net([5], 5).pods(pod("a"), pod("u", []))],
  ["a@5", "until that one has told another", node().net([5], 5).pods(pod("a"), pod("u", [])).pods(pod("a"), pod("u", ["10.244.1.9"])).later(0)],
  ["a@5", "or has had time to", node().net([5], 5).pods(pod("a"), pod("u", [])).later(20_000)],
])("%s: %s", (expected, _, world) => {
  expect(world.bound.replace(" u@0", "")).toBe(expected);
});

it("takes up after a restart what it knew, on interfaces that are still there", () => {
  const before = node().net([5, 6], 5).pods(pod("a"));
  const after = new Node();
  after.net([5, 7], 7);
  after.bindings.restore(before.bindings.pods);
  expect(after.bound).toBe("a@5");
  expect(after.silent().bound).toBe("a@5");
  expect(after.pods(pod("a"), pod("b", [])).pods(pod("a"), pod("b")).bound).toBe("a@5 b@7");
  const gone = new Node();
  gone.net([7], 7);
  gone.bindings.restore(before.bindings.pods);
  expect(gone.bound).toBe("");
});
