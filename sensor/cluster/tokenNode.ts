/**
 * Which Node object this pod runs on, as the kubelet's token for it says: known before the API server is heard, and
 * another one where a machine has joined another cluster under its old name.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
const claims = z.object({ "kubernetes.io": z.object({ node: z.object({ uid: z.string().min(1) }) }) });

/** Uid of the Node; undefined where there is no such token, or one that does not say. It is not verified: we present it. */
export function nodeUidOfToken(folder = SERVICE_ACCOUNT_FOLDER): string | undefined {
  try {
    const [, payload = ""] = readFileSync(join(folder, "token"), "utf8").trim().split(".");
    return claims.safeParse(JSON.parse(Buffer.from(payload, "base64url").toString())).data?.["kubernetes.io"].node.uid;
  } catch {
    return undefined;
  }
}
