/**
 * Work by key: what must be looked at again, by how many hands, and how long after a failure.
 *
 * **Invariant:** a key is in one hand at a time; a key that is added while it is in hand is looked at once more
 * afterwards; nothing that was added is forgotten. So a reconciler sees the last state and never two at once.
 *
 * It must not know what a key stands for.
 */
export { KeyedQueue, type QueueFigures, type QueueOptions } from "./keyedQueue.ts";
export { backoffMs } from "./backoff.ts";
