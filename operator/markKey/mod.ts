/**
 * The key of the mark on forged packets: sensors that share it know each other's RSTs, so that of two that see one
 * connection one acts and the other waits. One Secret for the installation.
 *
 * **Invariant:** it is made once and never changed: not by a restart, not by two leaders at once (the Secret is
 * immutable, so that the API server refuses the second). Who deletes it has another made.
 *
 * It must not know who uses it.
 */
export { MarkKeyKeeper, type MarkKeyKeeperOptions } from "./keeper.ts";
