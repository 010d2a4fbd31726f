/**
 * Resource versions as numbers that can be compared: for objects of one API server they are decimal and grow (the
 * API conventions promise it since 1.35; etcd's revisions always did). 2^53 of them last for a long time.
 */

/** 0 where the text is no resource version: nothing was seen. */
export function revisionOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The watch shows our own write within this time; else the API server does not know of it (it was restored from a backup). */
export const SHOWN_WITHIN_MS = 10_000;
