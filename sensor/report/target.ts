/** Opening what event lines are written to. */
import { constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";

export interface Target {
  fd: number;
  /** Opened here, so closed here. */
  owned: boolean;
  /** A named file: opening it again after a rotation makes sense. */
  reopenable: boolean;
  /** Held while the target is in use. */
  socket?: Socket;
}

/**
 * What stands in a file already is kept ("append") or not ("anew"). "-" is standard output. A pipe or terminal there
 * is opened again without blocking (through /proc): the flag would else hold for everybody who shares it, and a
 * blocking write would hold a thread of libuv, and with it the end of the program, for as long as nobody reads. A
 * socket (the journal) cannot be opened again: there the flag is set.
 */
export function openTarget(path: string, onto: "append" | "anew" = "append"): Target {
  if (path !== "-") {
    const where = onto === "append" ? constants.O_APPEND : constants.O_TRUNC;
    const flags = constants.O_WRONLY | where | constants.O_CREAT | constants.O_NONBLOCK;
    try {
      return { fd: openSync(path, flags, 0o640), owned: true, reopenable: true };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(
        code === "ENXIO"
          ? `Cannot open the events file, nobody reads the named pipe: ${path}`
          : `Cannot open the events file ${path}: ${code ?? message}`,
        { cause: error },
      );
    }
  }
  const stat = fstatSync(1);
  if (stat.isFIFO() || stat.isCharacterDevice()) {
    try {
      const fd = openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK);
      return { fd, owned: true, reopenable: false };
    } catch {
      // No /proc, or the terminal belongs to another user: the inherited descriptor has to do.
    }
  }
  const target: Target = { fd: 1, owned: false, reopenable: false };
  // libuv sets O_NONBLOCK when it adopts a descriptor; Node gives it back at the end.
  if (stat.isSocket()) target.socket = new Socket({ fd: 1, readable: false, writable: true }).unref();
  return target;
}
