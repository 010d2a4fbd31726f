/**
 * control: the running sensor's local socket (HTTP over a unix socket, for this machine's owner only) and the stop
 * file, which works also where no sensor and no socket is.
 *
 * **Invariant:** whoever reaches the socket owns the sensor: mode 0600, in a folder that only its user may write. A
 * second sensor never takes a live socket. Every request, answer and wait has a named limit.
 *
 * Must not know: packets, policies, flows' inner form; it carries JSON between the command line and the handlers
 * that main.ts gives it.
 */
export * from "./protocol.ts";
export { startControlServer } from "./server.ts";
export type { ControlServer } from "./server.ts";
export { SensorAlreadyRunning } from "./socket.ts";
export { ControlClient, NoSensor } from "./client.ts";
export { defaultSocketPath, defaultStopFile } from "./paths.ts";
export { isStopped, removeStopFile, watchStopFile, writeStopFile } from "./stopFile.ts";
export type { StopFileWatch } from "./stopFile.ts";
