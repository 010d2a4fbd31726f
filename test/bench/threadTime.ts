/**
 * CPU time of this thread, in nanoseconds: what other processes of a shared machine take away does not count. The
 * kernel brings it up to date every few milliseconds only, so that what is measured must be many of them long.
 */
export function threadTimeNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1e3;
}

export const LONG_ENOUGH_NS = 150e6;
