/** Does `work` for 0 to `count` - 1, so many at a time. The first that fails ends it. */
export async function inParallel(count: number, workers: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}
