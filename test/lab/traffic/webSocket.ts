/** A websocket server (RFC 6455) of the smallest kind: it echoes every text and binary message of one frame. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export function acceptWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(key + ACCEPT_SUFFIX).digest("base64");
  socket.on("error", () => {});
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    for (let frame = takeFrame(pending); frame !== undefined; frame = takeFrame(pending)) {
      pending = pending.subarray(frame.length);
      if (frame.opcode === 8) return void socket.end(encodeFrame(8, frame.payload));
      socket.write(encodeFrame(frame.opcode === 9 ? 10 : frame.opcode, frame.payload));
    }
  });
}

interface WebSocketFrame {
  opcode: number;
  payload: Buffer;
  /** Of the whole frame. */
  length: number;
}

/** The first whole frame (masked, as a client must send it, payload below 64 KiB), or undefined. */
function takeFrame(bytes: Buffer): WebSocketFrame | undefined {
  if (bytes.length < 6) return undefined;
  const short = bytes[1]! & 0x7f;
  const header = short === 126 ? 4 : 2;
  const payloadLength = short === 126 ? bytes.readUInt16BE(2) : short;
  const length = header + 4 + payloadLength;
  if (bytes.length < length) return undefined;
  const mask = bytes.subarray(header, header + 4);
  const payload = Buffer.from(bytes.subarray(header + 4, length));
  for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
  return { opcode: bytes[0]! & 0x0f, payload, length };
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const header = payload.length < 126
    ? Buffer.from([0x80 | opcode, payload.length])
    : Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([header, payload]);
}
