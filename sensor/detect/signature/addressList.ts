/**
 * The address and port lists of a signature's header: `any`, one value, `!value`, `[a,!b,[c,d]]`. A list is the union
 * of what it names without the union of what it negates; a list of negations only starts from everything.
 */
import { parseAddressRange } from "../cidr.ts";
import { MAX_LIST_DEPTH, MAX_LIST_ENTRIES } from "../limits.ts";
import { ALL_ADDRESSES, ALL_PORTS, type RangeSet, subtract, union } from "../ranges.ts";
import { Fault } from "./fault.ts";

export function parseAddressList(text: string, column: number): RangeSet | Fault {
  return new ListReader(text, column, "address", ALL_ADDRESSES, readAddress).read();
}

export function parsePortList(text: string, column: number): RangeSet | Fault {
  return new ListReader(text, column, "port", ALL_PORTS, readPorts).read();
}

function readAddress(text: string): RangeSet | undefined {
  return parseAddressRange(text);
}

/** `80`, `1024:`, `:1023`, `6000:6063`. */
function readPorts(text: string): RangeSet | undefined {
  const match = /^(\d{0,5})(:?)(\d{0,5})$/.exec(text);
  if (match === null || (match[1] === "" && match[3] === "")) return undefined;
  const first = Number(match[1]);
  const last = match[2] === "" ? first : match[3] === "" ? 65_535 : Number(match[3]);
  return last > 65_535 || first > last ? undefined : [{ first: BigInt(first), last: BigInt(last) }];
}

class ListReader {
  readonly #text: string;
  readonly #column: number;
  readonly #noun: string;
  readonly #all: RangeSet;
  readonly #readOne: (text: string) => RangeSet | undefined;
  #at = 0;
  #entries = 0;

  constructor(text: string, column: number, noun: string, all: RangeSet, readOne: (text: string) => RangeSet | undefined) {
    this.#text = text;
    this.#column = column;
    this.#noun = noun;
    this.#all = all;
    this.#readOne = readOne;
  }

  read(): RangeSet | Fault {
    const negated = this.#takeNegation();
    const set = this.#readEntry(0);
    if (set instanceof Fault) return set;
    if (this.#at < this.#text.length) return this.#fault(`unexpected "${this.#text[this.#at]}"`);
    return this.#checkNotEmpty(negated ? subtract(this.#all, set) : set);
  }

  #readEntry(depth: number): RangeSet | Fault {
    if (++this.#entries > MAX_LIST_ENTRIES) return this.#fault(`more than ${MAX_LIST_ENTRIES} entries`);
    if (this.#text[this.#at] === "[") return this.#readBrackets(depth + 1);
    const word = /[^\s,[\]]*/y;
    word.lastIndex = this.#at;
    const value = word.exec(this.#text)![0];
    if (value === "") return this.#fault(`an ${this.#noun} is missing`.replace("an port", "a port"));
    if (value.startsWith("$")) return this.#fault(`variable "${value}" has no value here, write the ${this.#noun} itself`);
    const set = value === "any" ? this.#all : this.#readOne(value);
    if (set === undefined) return this.#fault(`"${value}" is none`);
    this.#at += value.length;
    return set;
  }

  #readBrackets(depth: number): RangeSet | Fault {
    if (depth > MAX_LIST_DEPTH) return this.#fault(`lists nest deeper than ${MAX_LIST_DEPTH}`);
    const named: RangeSet[] = [];
    const negated: RangeSet[] = [];
    do {
      this.#at++;
      this.#skipSpace();
      const isNegated = this.#takeNegation();
      const set = this.#readEntry(depth);
      if (set instanceof Fault) return set;
      (isNegated ? negated : named).push(set);
      this.#skipSpace();
    } while (this.#text[this.#at] === ",");
    if (this.#text[this.#at] !== "]") return this.#fault("a list does not end with ]");
    this.#at++;
    return subtract(named.length === 0 ? this.#all : union(...named), union(...negated));
  }

  #takeNegation(): boolean {
    if (this.#text[this.#at] !== "!") return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #checkNotEmpty(set: RangeSet): RangeSet | Fault {
    return set.length > 0 ? set : new Fault(`Cannot read the ${this.#noun} list: nothing is left of "${this.#text}"`, this.#column);
  }

  #fault(why: string): Fault {
    return new Fault(`Cannot read the ${this.#noun} list: ${why}`, this.#column + this.#at);
  }
}
