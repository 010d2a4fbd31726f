/** --socket and --stop-file: the same on every command that meets the running sensor. */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { defaultSocketPath, defaultStopFile } from "../sensor/control/mod.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Places {
  socket: string;
  stopFile: string;
}

export interface PlaceOptions {
  socket?: string;
  stopFile?: string;
}

export function addSocketOption(command: Command): Command {
  return command.addOption(
    new Option("--socket <path>", "local socket of the sensor (default: /run/flowreset/sensor.sock, or in $XDG_RUNTIME_DIR when not root)"),
  );
}

export function addStopFileOption(command: Command): Command {
  return command.addOption(new Option("--stop-file <path>", "emergency stop: while it exists nothing is injected (default: $FLOWRESET_STOP_FILE, or stop beside the socket)"));
}

export function placesOf(options: PlaceOptions, { env, uid }: Surroundings): Places {
  const socket = options.socket ?? defaultSocketPath({ uid, runtimeFolder: env.XDG_RUNTIME_DIR });
  return { socket, stopFile: options.stopFile ?? keptStopFile(env.FLOWRESET_STOP_FILE) ?? defaultStopFile(socket) };
}

/** Where the folder is not ours to write to (a node with SELinux), a stop that does not last is better than none. */
function keptStopFile(path: string | undefined): string | undefined {
  try {
    if (path !== undefined) accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
