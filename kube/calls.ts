/** What the calls of KubeClient take. */
import type { KubeObject } from "./object.ts";

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** The whole call, with its body and one repetition; default 30 s. */
  timeoutMs?: number | undefined;
}

/** Which object: `namespace` for namespaced resources only. */
export interface ObjectReference {
  namespace?: string | undefined;
  name: string;
}

export interface ListOptions extends CallOptions {
  /** Absent: of all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** "0": whatever the server has in its cache, quick; another: that one or a newer one, from there too; absent: the newest. */
  resourceVersion?: string | undefined;
  /** Objects a page; default 500. */
  limit?: number | undefined;
}

export interface ListPage<T extends KubeObject = KubeObject> {
  readonly items: T[];
  /** Of the list as a whole: a watch goes on from here. */
  readonly resourceVersion: string;
  /** The list began anew: what came before this page is void. */
  readonly isRestart: boolean;
}

export interface WriteOptions extends CallOptions {
  fieldManager?: string | undefined;
  /** The server checks and answers, and stores nothing. */
  dryRun?: boolean | undefined;
}

export interface ApplyOptions extends CallOptions {
  fieldManager: string;
  /** Takes over fields that others own, instead of 409; default true: a controller owns what it applies. */
  force?: boolean | undefined;
  subresource?: "status" | undefined;
  dryRun?: boolean | undefined;
}

export interface PatchOptions extends WriteOptions {
  subresource?: "status" | undefined;
}

export interface PatchStatusOptions<T extends KubeObject = KubeObject> extends CallOptions {
  fieldManager?: string | undefined;
  /**
   * The object as the caller knows it: only what differs is sent, fields that it has and `status` has not are removed,
   * and where nothing differs nothing is sent.
   */
  current?: T | undefined;
  /** Optimistic locking: 409, KubeError with reason Conflict, when the object has another version by now. */
  resourceVersion?: string | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** 409 where the object has another uid or version by now. */
  preconditions?: { uid?: string; resourceVersion?: string } | undefined;
  propagationPolicy?: "Foreground" | "Background" | "Orphan" | undefined;
  gracePeriodSeconds?: number | undefined;
}
