/**
 * Suricata's rule language, as much of it as is matched today: `alert tcp`, `content` with `nocase`, `flow`, `msg`,
 * `sid`, `rev`. Keywords that only describe are read over; every keyword that would change what matches and is not
 * known here is refused by name, because half a signature would cut innocent connections.
 */
import { MAX_CONTENTS, MAX_SIGNATURE_CHARACTERS } from "../limits.ts";
import { foldCase, parseContent } from "./content.ts";
import { Fault } from "./fault.ts";
import { parseHeader } from "./header.ts";
import { type Option, splitOptions } from "./options.ts";
import type { Content, FlowRequirement, Signature } from "./signature.ts";

/** They describe, or steer how to search, and change nothing in what matches. */
const DESCRIPTIVE = new Set(["classtype", "reference", "metadata", "priority", "gid", "target", "fast_pattern"]);

/** The signature that `text` says, or why it cannot be used. Never throws. */
export function parseSignature(text: string): Signature | Fault {
  const parsed = parse(text);
  if (!(parsed instanceof Fault)) return parsed;
  const sid = /[(;]\s*sid\s*:\s*(\d+)/.exec(text.slice(0, MAX_SIGNATURE_CHARACTERS));
  return sid === null ? parsed : new Fault(`${parsed.message} (sid ${sid[1]})`, parsed.column);
}

function parse(text: string): Signature | Fault {
  if (text.length > MAX_SIGNATURE_CHARACTERS) return new Fault(`Cannot read a signature of more than ${MAX_SIGNATURE_CHARACTERS} characters: it has ${text.length}`, 1);
  const open = text.indexOf("(");
  const header = parseHeader(open < 0 ? text : text.slice(0, open));
  if (header instanceof Fault) return header;
  if (open < 0) return new Fault("Cannot read a signature: its options in parentheses are missing", text.length + 1);
  const options = splitOptions(text, open);
  if (options instanceof Fault) return options;
  const body = new Body();
  for (const option of options) {
    const fault = body.take(option);
    if (fault !== undefined) return fault;
  }
  const end = text.trimEnd().length;
  if (body.contents.length === 0) return new Fault("Cannot use a signature without content: the connection detector matches headers alone", end);
  if (body.sid === undefined) return new Fault("Cannot use a signature without sid", end);
  return { ...header, sid: body.sid, rev: body.rev ?? 0, msg: body.msg ?? "", flow: body.flow ?? { established: false, direction: "Any" }, contents: body.contents, text };
}

/** The options read so far. */
class Body {
  sid: number | undefined;
  rev: number | undefined;
  msg: string | undefined;
  flow: FlowRequirement | undefined;
  readonly contents: Content[] = [];

  take(option: Option): Fault | undefined {
    const { keyword, value, valueColumn, column } = option;
    switch (keyword) {
      case "content":
        return this.#takeContent(option);
      case "nocase":
        return this.#takeNocase(option);
      case "flow":
        return this.#takeFlow(option);
      case "sid":
      case "rev": {
        if (this[keyword] !== undefined) return new Fault(`Cannot use ${keyword} twice`, column);
        const number = /^\d{1,10}$/.test(value ?? "") ? Number(value) : 0;
        if (number < 1 || number > 0xffff_ffff) return new Fault(`Cannot read ${keyword}: "${value ?? ""}" is not a number from 1 to 4294967295`, valueColumn);
        this[keyword] = number;
        return undefined;
      }
      case "msg": {
        if (this.msg !== undefined) return new Fault("Cannot use msg twice", column);
        const quoted = /^"([^"\\]|\\.)*"$/.test(value ?? "");
        if (!quoted) return new Fault("Cannot read msg: it is not in quotes", valueColumn);
        this.msg = value!.slice(1, -1).replace(/\\(.)/g, "$1");
        return undefined;
      }
      default:
        return DESCRIPTIVE.has(keyword) ? undefined : new Fault(`Cannot use keyword "${keyword}": not supported yet`, column);
    }
  }

  #takeContent({ value, valueColumn, column }: Option): Fault | undefined {
    const bytes = parseContent(value ?? "", valueColumn);
    if (bytes instanceof Fault) return bytes;
    if (this.contents.length === MAX_CONTENTS) return new Fault(`Cannot use more than ${MAX_CONTENTS} contents in one signature`, column);
    this.contents.push({ bytes, nocase: false });
    return undefined;
  }

  #takeNocase({ value, column, valueColumn }: Option): Fault | undefined {
    if (value !== undefined) return new Fault(`Cannot read nocase: it takes no value, and has "${value}"`, valueColumn);
    const last = this.contents.pop();
    if (last === undefined) return new Fault("Cannot use nocase before the content that it is about", column);
    this.contents.push({ bytes: foldCase(last.bytes), nocase: true });
    return undefined;
  }

  #takeFlow({ value, column, valueColumn }: Option): Fault | undefined {
    if (this.flow !== undefined) return new Fault("Cannot use flow twice", column);
    const flow = { established: false, direction: "Any" as FlowRequirement["direction"] };
    for (const word of (value ?? "").split(",").map((part) => part.trim())) {
      if (word === "established") flow.established = true;
      else if (word === "to_server" || word === "from_client") {
        if (flow.direction === "ToClient") return new Fault("Cannot use both directions in flow", valueColumn);
        flow.direction = "ToServer";
      } else if (word === "to_client" || word === "from_server") {
        if (flow.direction === "ToServer") return new Fault("Cannot use both directions in flow", valueColumn);
        flow.direction = "ToClient";
      } else if (word !== "stateless" && word !== "only_stream") return new Fault(`Cannot use flow "${word}": not supported yet`, valueColumn);
    }
    this.flow = flow;
    return undefined;
  }
}
