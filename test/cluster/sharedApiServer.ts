/** The one API server that all files of the vitest project `apiserver` share. */
import { env } from "node:process";
import { ApiServer } from "./apiServer.ts";
import type { ApiServerAddress } from "./apiServer.ts";

/** How the global setup tells the processes of the test files where it is. */
export const SHARED_VARIABLE = "FLOWRESET_SHARED_API_SERVER";

/** No controller manager runs there: nothing but the test touches what the test makes. Use objects of your own. */
export function sharedApiServer(): ApiServer {
  const text = env[SHARED_VARIABLE];
  if (text === undefined) throw new Error("Name this file *.apiserver.test.ts: the shared API server runs for those only");
  return new ApiServer(JSON.parse(text) as ApiServerAddress);
}
