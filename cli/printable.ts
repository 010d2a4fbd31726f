/** Text from files, packets and peers on its way to a terminal: no control character may act on it. */

/** Line breaks are kept: messages about policy files have several lines. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "?");
}
