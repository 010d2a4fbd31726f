/** The part of a signature before its parentheses: action, protocol, source, ports, arrow, destination, ports. */
import type { RangeSet } from "../ranges.ts";
import { parseAddressList, parsePortList } from "./addressList.ts";
import { Fault } from "./fault.ts";

export interface SignatureHeader {
  readonly source: RangeSet;
  readonly sourcePorts: RangeSet;
  readonly destination: RangeSet;
  readonly destinationPorts: RangeSet;
  readonly bidirectional: boolean;
}

interface Word {
  readonly text: string;
  readonly column: number;
}

/** `text` ends where the options begin. */
export function parseHeader(text: string): SignatureHeader | Fault {
  const words = splitWords(text);
  if (words instanceof Fault) return words;
  const [action, protocol, source, sourcePorts, arrow, destination, destinationPorts, extra] = words;
  const end = text.length + 1;
  if (action === undefined) return new Fault("Cannot read a signature: it is empty", 1);
  if (action.text !== "alert") return new Fault(`Cannot use action "${action.text}": the policy says what to do, write alert`, action.column);
  if (protocol === undefined) return new Fault("Cannot read the header: the protocol is missing", end);
  if (protocol.text !== "tcp") return new Fault(`Cannot use protocol "${protocol.text}": not supported yet, write tcp`, protocol.column);
  if (source === undefined) return new Fault("Cannot read the header: the source address is missing", end);
  const sourceSet = parseAddressList(source.text, source.column);
  if (sourceSet instanceof Fault) return sourceSet;
  if (sourcePorts === undefined) return new Fault("Cannot read the header: the source port is missing", end);
  const sourcePortSet = parsePortList(sourcePorts.text, sourcePorts.column);
  if (sourcePortSet instanceof Fault) return sourcePortSet;
  if (arrow === undefined) return new Fault("Cannot read the header: the direction is missing", end);
  if (arrow.text !== "->" && arrow.text !== "<>") return new Fault(`Cannot use direction "${arrow.text}": write -> or <>`, arrow.column);
  if (destination === undefined) return new Fault("Cannot read the header: the destination address is missing", end);
  const destinationSet = parseAddressList(destination.text, destination.column);
  if (destinationSet instanceof Fault) return destinationSet;
  if (destinationPorts === undefined) return new Fault("Cannot read the header: the destination port is missing", end);
  const destinationPortSet = parsePortList(destinationPorts.text, destinationPorts.column);
  if (destinationPortSet instanceof Fault) return destinationPortSet;
  if (extra !== undefined) return new Fault(`Cannot read the header: unexpected "${extra.text}"`, extra.column);
  return {
    source: sourceSet,
    sourcePorts: sourcePortSet,
    destination: destinationSet,
    destinationPorts: destinationPortSet,
    bidirectional: arrow.text === "<>",
  };
}

/** Words stand between blanks; blanks inside brackets do not part them. */
function splitWords(text: string): Word[] | Fault {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    const start = at;
    let depth = 0;
    for (; at < text.length && (depth > 0 || !/\s/.test(text[at]!)); at++) {
      if (text[at] === "[") depth++;
      else if (text[at] === "]") depth--;
    }
    if (depth > 0) return new Fault("Cannot read the header: a list does not end with ]", start + 1);
    words.push({ text: text.slice(start, at), column: start + 1 });
  }
  return words;
}
