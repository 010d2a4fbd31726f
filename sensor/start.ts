/**
 * Where `flowreset sensor` enters: while a sensor starts, its node is unprotected. So the packet Workers' threads are
 * started before the rest of the sensor is loaded: each loads its own modules, at the same time.
 */
import type { RunningSensor, SensorOptions } from "./options.ts";
import { startPacketThreads } from "./packetThreads.ts";

/** @throws SensorError for whatever a person can mend */
export async function startSensor(options: SensorOptions): Promise<RunningSensor> {
  const threads = startPacketThreads(options);
  try {
    const { runSensor } = await import("./main.ts");
    return await runSensor(options, threads);
  } catch (error) {
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    throw error;
  }
}
