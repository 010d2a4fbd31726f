/**
 * Memory that a process needed for a while is given back once its main thread rests: V8 by itself keeps it for the next
 * time. Sensor and operator do it alike.
 *
 * **Invariant:** nothing is collected while the thread is busy, nor where nothing has grown since the last time.
 *
 * It must not know what the process is for.
 */
export { releaseWhenResting, type RestingMemoryOptions } from "./restingMemory.ts";
