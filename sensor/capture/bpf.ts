/**
 * A small assembler of classic BPF (linux/filter.h): instructions with named targets in, the bytes that
 * SO_ATTACH_FILTER takes out. Only what filter.ts and share.ts need.
 */

/** `ret` with this length: the whole packet, however long. */
export const WHOLE_PACKET = 0xffffffff;
/** BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4096;

/** Absolute offsets that stand for what the kernel knows beside the bytes (SKF_AD_OFF and on). */
export const Ancillary = {
  /** Ethertype, in host order, VLAN tag taken out. */
  Protocol: 0xfffff000,
  PacketType: 0xfffff004,
  InterfaceIndex: 0xfffff008,
  HardwareType: 0xfffff01c,
} as const;

const Opcode = {
  LoadWord: 0x20,
  LoadWordIndexed: 0x40,
  LoadHalfIndexed: 0x48,
  LoadByteIndexed: 0x50,
  LoadIndexImmediate: 0x01,
  LoadIndexScratch: 0x61,
  Store: 0x02,
  StoreIndex: 0x03,
  Add: 0x0c,
  And: 0x54,
  ShiftLeft: 0x64,
  ShiftRight: 0x74,
  Multiply: 0x24,
  Modulo: 0x94,
  XorIndex: 0xac,
  Jump: 0x05,
  JumpEqual: 0x15,
  JumpAtLeast: 0x35,
  JumpAnyBit: 0x45,
  Return: 0x06,
  ToIndex: 0x07,
} as const;

interface Instruction {
  code: number;
  operand: number;
  /** Where to go when the test holds (or always, for Jump) and when not; undefined: the next instruction. */
  holds?: string | undefined;
  otherwise?: string | undefined;
}

export class BpfAssembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  get length(): number {
    return this.#instructions.length;
  }

  /** Names the next instruction. */
  label(name: string): void {
    this.#labels.set(name, this.#instructions.length);
  }

  /** A := word at an absolute (ancillary) offset. */
  load(offset: number): void {
    this.#add(Opcode.LoadWord, offset);
  }

  /** A := byte, 16 or 32 bits at X + offset; beyond the packet's end the filter drops it. */
  loadByteAtIndex(offset: number): void {
    this.#add(Opcode.LoadByteIndexed, offset);
  }

  loadHalfAtIndex(offset: number): void {
    this.#add(Opcode.LoadHalfIndexed, offset);
  }

  loadWordAtIndex(offset: number): void {
    this.#add(Opcode.LoadWordIndexed, offset);
  }

  /** Scratch word := A; := X. There are sixteen. */
  storeScratch(word: number): void {
    this.#add(Opcode.Store, word);
  }

  storeIndexInScratch(word: number): void {
    this.#add(Opcode.StoreIndex, word);
  }

  /** X := scratch word. */
  loadIndexFromScratch(word: number): void {
    this.#add(Opcode.LoadIndexScratch, word);
  }

  /** A := A ^ X. */
  xorIndex(): void {
    this.#add(Opcode.XorIndex, 0);
  }

  and(mask: number): void {
    this.#add(Opcode.And, mask);
  }

  /** The lower 32 bits of the product. */
  multiply(factor: number): void {
    this.#add(Opcode.Multiply, factor);
  }

  shiftRight(bits: number): void {
    this.#add(Opcode.ShiftRight, bits);
  }

  /** X := value. */
  setIndex(value: number): void {
    this.#add(Opcode.LoadIndexImmediate, value);
  }

  /** X := X + (A & mask) * 4: past an IPv4 header. */
  addWordsToIndex(mask: number): void {
    this.#add(Opcode.And, mask);
    this.#add(Opcode.ShiftLeft, 2);
    this.#add(Opcode.Add, 0);
    this.#add(Opcode.ToIndex, 0);
  }

  /** A := A % divisor. */
  modulo(divisor: number): void {
    this.#add(Opcode.Modulo, divisor);
  }

  jumpIfEqual(value: number, then?: string, otherwise?: string): void {
    this.#add(Opcode.JumpEqual, value, then, otherwise);
  }

  jumpIfAnyBit(bits: number, then?: string, otherwise?: string): void {
    this.#add(Opcode.JumpAnyBit, bits, then, otherwise);
  }

  jump(to: string): void {
    this.#add(Opcode.Jump, 0, to);
  }

  /** Conditional jumps reach 255 instructions: the far target is reached by an unconditional one. */
  jumpFarIfAtLeast(value: number, then: string): void {
    const near = `near ${this.#instructions.length}`;
    this.#add(Opcode.JumpAtLeast, value, undefined, near);
    this.#add(Opcode.Jump, 0, then);
    this.label(near);
  }

  /** Keeps so many bytes of the packet; 0 drops it. */
  keep(bytes: number): void {
    this.#add(Opcode.Return, bytes);
  }

  /** `struct sock_filter[]` in the byte order of this machine. RangeError for a program that the kernel would refuse. */
  assemble(): Uint8Array {
    const count = this.#instructions.length;
    if (count === 0 || count > MAX_INSTRUCTIONS) {
      throw new RangeError(`Name fewer interfaces: the kernel takes ${MAX_INSTRUCTIONS} filter instructions, not ${count}`);
    }
    const bytes = new Uint8Array(count * 8);
    const halves = new Uint16Array(bytes.buffer);
    const words = new Uint32Array(bytes.buffer);
    for (let index = 0; index < count; index++) {
      const { code, operand, holds, otherwise } = this.#instructions[index];
      halves[index * 4] = code;
      if (code === Opcode.Jump) {
        words[index * 2 + 1] = this.#distance(index, holds);
        continue;
      }
      words[index * 2 + 1] = operand;
      bytes[index * 8 + 2] = near(this.#distance(index, holds));
      bytes[index * 8 + 3] = near(this.#distance(index, otherwise));
    }
    return bytes;
  }

  #add(code: number, operand: number, holds?: string, otherwise?: string): void {
    this.#instructions.push({ code, operand, holds, otherwise });
  }

  #distance(from: number, label: string | undefined): number {
    if (label === undefined) return 0;
    const target = this.#labels.get(label);
    if (target === undefined || target <= from) throw new RangeError(`Define the label after its use: ${label}`);
    return target - from - 1;
  }
}

function near(distance: number): number {
  if (distance > 255) throw new RangeError(`Bring the jump's target within 255 instructions: ${distance}`);
  return distance;
}
