/** JSON lines out of a byte stream, whatever its pieces. */

const MAX_LINE_CHARACTERS = 1 << 20;

/** Throws SyntaxError for a line that is no JSON, RangeError for one without an end; a last line needs no newline. */
export async function* jsonLines(parts: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of parts) {
    rest += decoder.decode(part, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_CHARACTERS) throw new RangeError(`Cannot read a line without an end: more than ${MAX_LINE_CHARACTERS} characters`);
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
  rest += decoder.decode();
  if (rest !== "") yield JSON.parse(rest);
}
