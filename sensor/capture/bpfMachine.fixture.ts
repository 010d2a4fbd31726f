/**
 * Runs classic BPF as the kernel does (net/core/filter.c): the oracle of filter.ts and share.ts. A load beyond the
 * packet ends the program with 0, as there.
 */
import { Ancillary } from "./bpf.ts";

export interface BpfInput {
  bytes: Uint8Array;
  protocol: number;
  packetType: number;
  interfaceIndex: number;
  hardwareType: number;
}

/** Bytes to keep, 0 to drop. RangeError for an instruction that this machine does not know, or a missing return. */
export function runBpf(code: Uint8Array, input: BpfInput): number {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const memory = new DataView(input.bytes.buffer, input.bytes.byteOffset, input.bytes.byteLength);
  let a = 0;
  let x = 0;
  const scratch = new Uint32Array(16);
  for (let at = 0; at < code.length; at += 8) {
    const operand = view.getUint32(at + 4, true);
    const jump = (holds: boolean): void => {
      at += 8 * view.getUint8(at + (holds ? 2 : 3));
    };
    switch (view.getUint16(at, true)) {
      case 0x06: return operand;
      case 0x20: a = ancillary(operand, input); break;
      case 0x40:
        if (x + operand + 4 > memory.byteLength) return 0;
        a = memory.getUint32(x + operand);
        break;
      case 0x48:
        if (x + operand + 2 > memory.byteLength) return 0;
        a = memory.getUint16(x + operand);
        break;
      case 0x50:
        if (x + operand + 1 > memory.byteLength) return 0;
        a = memory.getUint8(x + operand);
        break;
      case 0x01: x = operand; break;
      case 0x02: scratch[operand] = a; break;
      case 0x03: scratch[operand] = x; break;
      case 0x61: x = scratch[operand]!; break;
      case 0x24: a = Math.imul(a, operand) >>> 0; break;
      case 0x74: a >>>= operand; break;
      case 0xac: a = (a ^ x) >>> 0; break;
      case 0x07: x = a; break;
      case 0x0c: a = (a + x) >>> 0; break;
      case 0x54: a = (a & operand) >>> 0; break;
      case 0x64: a = (a << operand) >>> 0; break;
      case 0x94: a %= operand; break;
      case 0x05: at += 8 * operand; break;
      case 0x15: jump(a === operand); break;
      case 0x35: jump(a >= operand); break;
      case 0x45: jump((a & operand) !== 0); break;
      default: throw new RangeError(`Teach the machine this instruction: 0x${view.getUint16(at, true).toString(16)}`);
    }
  }
  throw new RangeError("End the program with a return: it ran past its end");
}

function ancillary(offset: number, input: BpfInput): number {
  switch (offset) {
    case Ancillary.Protocol: return input.protocol;
    case Ancillary.PacketType: return input.packetType;
    case Ancillary.InterfaceIndex: return input.interfaceIndex;
    case Ancillary.HardwareType: return input.hardwareType;
    default: throw new RangeError(`Teach the machine this offset: 0x${offset.toString(16)}`);
  }
}
