/**
 * Taking the local socket's name: never from a sensor that lives, always from one that died. Only this user may
 * reach it.
 */
import { createHash } from "node:crypto";
import { lstatSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { makeFolder } from "./folder.ts";

const PROBE_TIMEOUT_MS = 1_000;
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_RETRY_MS = 20;
/** sun_path of unix(7), with its terminating zero. */
const MAX_PATH_BYTES = 107;

/** Another sensor serves this socket. */
export class SensorAlreadyRunning extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`Cannot serve ${path}: another sensor does already`);
    this.name = "SensorAlreadyRunning";
    this.path = path;
  }
}

/** Resolves when the server listens. Rejects with SensorAlreadyRunning, or why the path cannot be had. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new Error(`Choose a shorter --socket: at most ${MAX_PATH_BYTES} bytes, got ${Buffer.byteLength(path)}`);
  }
  prepareFolder(dirname(path));
  const unlock = await startingLock(path);
  try {
    if (await tryListen(server, path)) return;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isSocket()) {
      throw new Error(`Cannot serve ${path}: it is no socket; remove it or choose another with --socket`);
    }
    if (await isLive(path)) throw new SensorAlreadyRunning(path);
    rmSync(path, { force: true });
    if (!(await tryListen(server, path))) throw new SensorAlreadyRunning(path);
  } finally {
    unlock();
  }
}

/**
 * One starting sensor at a time looks and takes: two that find the same dead socket would else each remove what
 * they think is dead. The lock is an abstract socket, which the kernel frees whatever happens to its owner; since
 * any user may hold that name, a lock that does not come within two seconds is done without.
 */
async function startingLock(path: string): Promise<() => void> {
  const name = `\0flowreset-start-${createHash("sha256").update(path).digest("hex").slice(0, 32)}`;
  const deadline = performance.now() + LOCK_TIMEOUT_MS;
  const lock = createServer((socket) => socket.destroy());
  while (performance.now() < deadline) {
    const taken = await new Promise<boolean>((resolve) => {
      lock.once("error", () => resolve(false));
      lock.listen(name, () => resolve(true));
    });
    lock.removeAllListeners();
    if (taken) return () => lock.close();
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
  return () => {};
}

/** Whether somebody accepts connections. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (live: boolean): void => {
      socket.destroy();
      resolve(live);
    };
    // A listener that is too busy to accept is alive all the same.
    socket.setTimeout(PROBE_TIMEOUT_MS, () => done(true));
    socket.once("connect", () => done(true));
    socket.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
}

/** False when the name is taken. */
function tryListen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.removeListener("listening", succeeded);
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(new Error(`Cannot serve ${path}: ${error.code ?? error.message}; choose another with --socket`, { cause: error }));
    };
    const succeeded = (): void => {
      server.removeListener("error", failed);
      resolve(true);
    };
    server.once("error", failed);
    server.once("listening", succeeded);
    // bind(2) happens within this call: the socket never exists with a wider mode.
    const mask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(mask);
    }
  });
}

function prepareFolder(folder: string): void {
  try {
    makeFolder(folder);
    const { uid, mode } = lstatSync(folder);
    const own = process.getuid?.() ?? uid;
    const isShared = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
    if ((uid !== own && uid !== 0) || isShared) {
      throw new Error(`others may write there (owner ${uid}, mode ${(mode & 0o7777).toString(8)})`);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`Cannot use the folder ${folder} for the local socket: ${code ?? message}; choose another with --socket`, {
      cause: error,
    });
  }
}
