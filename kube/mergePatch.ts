/** JSON merge patches (RFC 7386) out of two documents, so that a status that has not changed is not written. */

/** The patch that makes `current` to be `wanted`; undefined where they say the same. */
export function mergePatch(current: unknown, wanted: unknown): unknown {
  if (!isMap(current) || !isMap(wanted)) return isSame(current, wanted) ? undefined : (wanted ?? null);
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const change = mergePatch(current[key], value);
    if (change !== undefined) patch[key] = change;
  }
  for (const [key, value] of Object.entries(current)) {
    if (!isAbsent(value) && isAbsent(wanted[key])) patch[key] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The same JSON: the order of keys says nothing, and null and undefined are absence. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b || (isAbsent(a) && isAbsent(b))) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isMap(a) || !isMap(b)) return false;
  for (const key of Object.keys(a)) if (!isSame(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (!isAbsent(b[key]) && isAbsent(a[key])) return false;
  return true;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
