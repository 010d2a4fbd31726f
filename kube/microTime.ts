/** metav1.MicroTime: RFC 3339 with six digits of a second, always. */
export function microTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/Z$/, "000Z");
}
