/**
 * Puts objects where the API server keeps them, as many at once as etcd takes: thousands of nodes and pods are the
 * background of a measurement, and by the API they would take longer than the measurement. The API server, its watches
 * and its indexes know no difference: it reads JSON as well as the form that it writes itself.
 */
import { randomUUID } from "node:crypto";
import { Pool } from "undici";

/** etcd's own limit of a transaction is 128. */
const OPERATIONS = 100;
const PARALLEL = 4;

export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
}

export class EtcdWriter {
  readonly #pool: Pool;

  /** @param url of etcd's client port, without TLS. */
  constructor(url: string) {
    this.#pool = new Pool(url, { connections: PARALLEL });
  }

  /** @param path of the kind below /registry: "pods", "minions" (nodes). */
  async put(path: string, objects: readonly StoredObject[], onProgress: (count: number) => void = () => {}): Promise<void> {
    const batches = Array.from({ length: Math.ceil(objects.length / OPERATIONS) }, (_, i) => objects.slice(i * OPERATIONS, (i + 1) * OPERATIONS));
    let written = 0;
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
          await this.#write(path, batch);
          onProgress((written += batch.length));
        }
      }),
    );
  }

  async #write(path: string, objects: readonly StoredObject[]): Promise<void> {
    const success = objects.map((object) => ({ requestPut: { key: base64(keyOf(path, object)), value: base64(JSON.stringify(complete(object))) } }));
    const { statusCode, body } = await this.#pool.request({ path: "/v3/kv/txn", method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ success }) });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`Cannot write ${path} to etcd: ${statusCode} ${text}`);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/** What the API server itself would have added. */
function complete(object: StoredObject): object {
  return { ...object, metadata: { uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+/, ""), ...object.metadata } };
}

function keyOf(path: string, { metadata: { namespace, name } }: StoredObject): string {
  return `/registry/${path}/${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
