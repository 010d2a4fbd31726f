/** Whether two statuses say the same: JSON's own notion of equal, absent and undefined alike, keys in any order. */

export function sameStatus(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length && left.every((value, index) => sameStatus(value, right[index]));
  }
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const name of names) {
    if (!sameStatus((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name])) return false;
  }
  return true;
}
