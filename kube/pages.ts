/** Lists in pages: what the server and we hold at one time stays bounded. */
import type { ListOptions, ListPage } from "./calls.ts";
import type { Call } from "./exchange.ts";
import { KubeError } from "./kubeError.ts";
import { type KubeObject, withoutManagedFields } from "./object.ts";
import { type Resource, apiVersionOf, labelOf, pathOf } from "./resources.ts";

const PAGE_OBJECTS = 500;
/** How much smaller the pages become when one was too long to be taken. */
const SHRINK = 10;

interface ListBody {
  items?: KubeObject[] | null;
  metadata?: { resourceVersion?: string; continue?: string };
}

export async function* listPages<T extends KubeObject>(
  request: (call: Call) => Promise<unknown>,
  resource: Resource,
  options: ListOptions,
): AsyncGenerator<ListPage<T>> {
  const { namespace, labelSelector, fieldSelector } = options;
  let limit: number | undefined = options.limit ?? PAGE_OBJECTS;
  let { resourceVersion } = options;
  let from: string | undefined;
  let isRestart = false;
  for (;;) {
    const query = { labelSelector, fieldSelector, limit, ...(from === undefined ? versionQuery(resourceVersion) : { continue: from }) };
    let body: ListBody;
    try {
      const call: Call = { ...options, verb: "list", method: "GET", resource: labelOf(resource), name: "", path: pathOf(resource, namespace), query };
      body = (await request(call)) as ListBody;
    } catch (error) {
      if (KubeError.is(error, "ResponseTooLarge") && limit !== undefined && limit > 1) {
        limit = Math.max(1, Math.floor(limit / SHRINK));
        resourceVersion = undefined; // Out of its cache a server may give everything, whatever the limit.
        continue;
      }
      if (!(error instanceof KubeError) || error.status !== 410 || from === undefined) throw error;
      // The rest of this list is forgotten (compaction): all of it at once, as it is now.
      from = undefined;
      limit = undefined;
      resourceVersion = undefined;
      isRestart = true;
      continue;
    }
    const items = (body.items ?? []).map((item) => asObject<T>(item, resource));
    yield { items, resourceVersion: body.metadata?.resourceVersion ?? "", isRestart };
    isRestart = false;
    from = body.metadata?.continue;
    if (from === undefined || from === "") return;
  }
}

/** With a limit, a version alone means exactly that one: read out of etcd (before Kubernetes 1.34) and old. Also a newer one will do. */
function versionQuery(resourceVersion: string | undefined): { resourceVersion?: string; resourceVersionMatch?: string } {
  if (resourceVersion === undefined) return {};
  return resourceVersion === "0" ? { resourceVersion } : { resourceVersion, resourceVersionMatch: "NotOlderThan" };
}

/** Items of built-in lists do not say what they are; objects of watches do. */
function asObject<T extends KubeObject>(item: KubeObject, resource: Resource): T {
  item.apiVersion ??= apiVersionOf(resource);
  item.kind ??= resource.kind;
  return withoutManagedFields(item) as T;
}
