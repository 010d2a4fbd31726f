/** From a fault to one line on standard error, what to do next, and an exit code. */
import { CommanderError } from "commander";
import { NoSensor, RequestError } from "../sensor/control/mod.ts";
import { SensorError } from "../sensor/options.ts";
import type { SensorErrorCode } from "../sensor/options.ts";
import { ExitCode } from "./exitCode.ts";
import { printable } from "./printable.ts";
import { paint } from "./style.ts";
import type { Surroundings } from "./surroundings.ts";

/** Wrong words of the person, found after parsing. */
export class UsageError extends Error {}

const SENSOR_ERRORS: Readonly<Record<SensorErrorCode, ExitCode>> = {
  BadInput: ExitCode.BadInput,
  MissingRight: ExitCode.MissingRight,
  AlreadyRunning: ExitCode.AlreadyRunning,
  Unavailable: ExitCode.Failed,
  Failed: ExitCode.Failed,
};

export interface Failure {
  exitCode: ExitCode;
  message: string;
  hint: string | undefined;
}

export function explainFailure(error: unknown): Failure {
  if (error instanceof UsageError) return { exitCode: ExitCode.BadInput, message: error.message, hint: undefined };
  if (error instanceof SensorError) {
    return { exitCode: SENSOR_ERRORS[error.code], message: error.message, hint: error.hint };
  }
  if (error instanceof NoSensor) {
    const hint = "start one with `flowreset sensor --policies DIR`, or name its socket with --socket";
    return { exitCode: ExitCode.NoSensor, message: error.message, hint };
  }
  if (error instanceof RequestError) return explainRefusal(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") {
    return { exitCode: ExitCode.MissingRight, message, hint: "run it as the user of the sensor (root: sudo flowreset ...)" };
  }
  return { exitCode: ExitCode.Failed, message: error instanceof Error ? message : String(error), hint: undefined };
}

/** Prints it and returns the exit code. Commander has printed its own errors already. */
export function reportFailure(error: unknown, { stderr, env }: Surroundings): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.BadInput;
  const { exitCode, message, hint } = explainFailure(error);
  stderr.write(`${paint(stderr, env, "red", "flowreset:")} ${printable(message)}\n`);
  if (hint !== undefined) stderr.write(`  ${printable(hint)}\n`);
  if (env.FLOWRESET_DEBUG !== undefined && error instanceof Error) stderr.write(`${error.stack}\n`);
  return exitCode;
}

function explainRefusal({ status, message }: RequestError): Failure {
  const exitCode = status >= 400 && status < 429 && status !== 409 ? ExitCode.BadInput : ExitCode.Failed;
  return { exitCode, message: `The sensor refused: ${message}`, hint: undefined };
}
