/** The YAML library's tokens, cut off where a text is deeper or busier than any file of ours: it recurses, and some texts cost it a minute. */
import { Lexer, Parser, type CST } from "yaml";
import { MAX_YAML_DEPTH } from "./limits.ts";

/** A line of ours has about six lexemes: enough for a megabyte of short lines. */
const MAX_LEXEMES = 250_000;
/** Errors and directives between documents, which the library collects at a price that grows with their square. */
const MAX_STRAYS = 500;
/** The parser keeps up to two entries a level, and one for the document. */
const MAX_STACK = 2 * MAX_YAML_DEPTH + 8;

/** What stops the reading of a text; readYaml() turns it into a fault. */
export class YamlTooLarge extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export function* boundedTokens(text: string, onNewLine: (offset: number) => void): Generator<CST.Token, void> {
  const parser = new Parser(onNewLine);
  onNewLine(0);
  let lexemes = 0;
  let strays = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > MAX_LEXEMES) throw new YamlTooLarge(`Cannot read so busy a file, expected at most ${MAX_LEXEMES} marks and words: current count is more`, parser.offset);
    for (const token of parser.next(lexeme)) {
      if ((token.type === "error" || token.type === "directive") && ++strays > MAX_STRAYS) throw new YamlTooLarge(`Cannot read the YAML, expected fewer than ${MAX_STRAYS} errors and directives: current count is more`, parser.offset);
      yield token;
    }
    if (parser.stack.length > MAX_STACK) throw new YamlTooLarge(`Cannot read so deep a file, expected at most ${MAX_YAML_DEPTH} levels: current depth is more`, parser.offset);
  }
  yield* parser.end();
}
