import { expect, it } from "vitest";
import { openRotatingAccess } from "./access.ts";
import { openConnections } from "./transport.ts";

it("whoever was refused with an old token may try again with the one that another has read meanwhile", async () => {
  let token = "old";
  let reads = 0;
  const access = await openRotatingAccess({
    origin: "https://10.96.0.1",
    pathPrefix: "",
    read: async () => {
      reads++;
      return { headers: { authorization: token }, settings: {}, identity: token, trust: "" };
    },
    open: (settings) => openConnections("https://10.96.0.1", settings),
    rereadMs: 60_000,
    monotonicMs: () => 0,
    onReadError: (error) => expect.unreachable(error.message),
  });
  // Two requests under way when the token ends.
  const [first, second] = [await access.current(), await access.current()];
  token = "new";
  expect(await access.refresh(first.headers)).toBe(true);
  expect(await access.refresh(second.headers)).toBe(true);
  expect((await access.current()).headers).toEqual({ authorization: "new" });
  // The new one is refused as well: there is no other.
  expect(await access.refresh((await access.current()).headers)).toBe(false);
  expect(reads).toBe(3);
  access.close();
});
