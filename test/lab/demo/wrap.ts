/** Text in lines of a terminal's width, broken between words. */

/** What a person reads with ease, where nobody says how wide the terminal is. */
const DEFAULT_WIDTH = 120;
/** A narrower terminal breaks lines by itself. */
const NARROWEST_WIDTH = 40;

export function terminalWidth(): number {
  return Math.max(process.stdout.columns ?? DEFAULT_WIDTH, NARROWEST_WIDTH);
}

/** A word that is too long for a line stands alone in one. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
