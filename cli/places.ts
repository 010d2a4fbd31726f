/** --socket and --stop-file: the same on every command that meets the running sensor. */
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
  return command.addOption(new Option("--stop-file <path>", "emergency stop: while it exists nothing is injected (default: stop, beside the socket)"));
}

export function placesOf(options: PlaceOptions, { env, uid }: Surroundings): Places {
  const socket = options.socket ?? defaultSocketPath({ uid, runtimeFolder: env.XDG_RUNTIME_DIR });
  return { socket, stopFile: options.stopFile ?? defaultStopFile(socket) };
}
