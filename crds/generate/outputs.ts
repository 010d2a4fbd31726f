/** Every file that is generated, by its path below the root of the repository. */
import { CLUSTER_KINDS, KIND_NAMES, type ClusterKind } from "../group.ts";
import { crdYaml } from "./definition.ts";
import { indexPage, pageOf } from "./reference.ts";

/** Objects that the pages show; the same files are applied to a real API server by the tests. */
export const EXAMPLES: Readonly<Record<ClusterKind, string | undefined>> = {
  ResponsePolicy: "examples/cluster/observe-exploits.yaml",
  ClusterResponsePolicy: "examples/cluster/forbid-egress.yaml",
  FlowReset: "examples/cluster/kill.yaml",
  ClusterFlowReset: "examples/cluster/kill-everywhere.yaml",
  SensorFleet: "examples/cluster/fleet.yaml",
  SensorNode: undefined,
};

/** @param read the text of a file of the repository. */
export function outputs(read: (path: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>([["docs/reference/index.md", indexPage()]]);
  for (const kind of CLUSTER_KINDS) {
    const example = EXAMPLES[kind];
    files.set(`crds/manifests/${KIND_NAMES[kind].plural}.yaml`, crdYaml(kind));
    files.set(`docs/reference/${kind}.md`, pageOf(kind, example === undefined ? "" : read(example)));
  }
  return files;
}
