/** The projects: `unit` is `make check`, the others join it in `make test`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    // A cluster is taken down after the last test; a loaded machine takes its time.
    teardownTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{charts,crds,cli,kube,memory,operator,sensor,tools}/**/*.test.ts", "test/*.test.ts"],
          exclude: ["**/*.apiserver.test.ts", "**/node_modules/**"],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: "apiserver",
          include: ["**/*.apiserver.test.ts"],
          globalSetup: "test/cluster/sharedApiServer.setup.ts",
          // Their own waits end first and say for what: these are for a machine that does much else.
          testTimeout: 150_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 60_000 } },
          // A small machine has a real API server to run as well.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], testTimeout: 600_000 },
      },
      {
        extends: true,
        test: { name: "image", include: ["images/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: "cluster",
          include: ["test/cluster/*.e2e.test.ts"],
          globalSetup: "test/cluster/sharedCluster.setup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One cluster, and faults that all of it feels: one file at a time.
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "endToEnd",
          include: ["test/cluster/endToEnd/*.e2e.test.ts"],
          globalSetup: ["test/cluster/sharedCluster.setup.ts", "test/cluster/endToEnd/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "lifecycle",
          include: ["test/cluster/*.lifecycle.test.ts"],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Every lab owns namespaces and both cores of a small machine: one file at a time.
          fileParallelism: false,
        },
      },
    ],
  },
});
