/** The CustomResourceDefinition of a kind. */
import { stringify } from "yaml";
import { GROUP, isNamespaced, KIND_NAMES, VERSION, type ClusterKind } from "../group.ts";
import { OBJECT_SCHEMAS } from "../kinds.ts";
import { TENANT_RULES } from "../placement.ts";
import { celRule, VALIDATIONS } from "../rule.ts";
import { printerColumns, type PrinterColumn } from "./columns.ts";
import { structuralSchema, type Structural } from "./structural.ts";

/** apiextensions.k8s.io/v1, the part of it that we use. */
export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: "Namespaced" | "Cluster";
    readonly names: { readonly kind: string; readonly listKind: string; readonly plural: string; readonly singular: string; readonly shortNames: readonly string[]; readonly categories: readonly string[] };
    readonly versions: readonly [Version];
  };
}

interface Version {
  readonly name: string;
  readonly served: true;
  readonly storage: true;
  readonly subresources: { readonly status: object };
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly additionalPrinterColumns: readonly PrinterColumn[];
  readonly schema: { readonly openAPIV3Schema: Structural };
}

/** Not the singular of a kind: kubectl would take the word for the category and list every kind. */
const CATEGORY = "ndr";

/** Fields by which a watch may be narrowed; sensors watch unfinished FlowResets only. */
const SELECTABLE: Readonly<Partial<Record<ClusterKind, readonly string[]>>> = {
  FlowReset: [".status.phase"],
  ClusterFlowReset: [".status.phase"],
  SensorNode: [".spec.fleet"],
};

export function crdOf(kind: ClusterKind): CustomResourceDefinition {
  const { plural, shortName } = KIND_NAMES[kind];
  const selectable = SELECTABLE[kind];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: isNamespaced(kind) ? "Namespaced" : "Cluster",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories: [CATEGORY] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(selectable !== undefined && { selectableFields: selectable.map((jsonPath) => ({ jsonPath })) }),
          additionalPrinterColumns: printerColumns[kind],
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

export function crdYaml(kind: ClusterKind): string {
  return `# Written by \`make crds\` from the schemas in crds/; a test fails where it differs.\n${stringify(crdOf(kind), { lineWidth: 120, aliasDuplicateObjects: false })}`;
}

function objectSchema(kind: ClusterKind): Structural {
  const { description, properties } = structuralSchema(OBJECT_SCHEMAS[kind]);
  const { spec, status } = properties!;
  if (kind === "ResponsePolicy") spec![VALIDATIONS] = [...(spec![VALIDATIONS] ?? []), ...TENANT_RULES.map(celRule)];
  return {
    description: description!,
    type: "object",
    required: ["spec"],
    properties: {
      apiVersion: { description: `${GROUP}/${VERSION}: group and version of the schema.`, type: "string" },
      kind: { description: `${kind}.`, type: "string" },
      // An API server describes it itself, and takes no description of ours.
      metadata: { type: "object" },
      spec: spec!,
      status: status!,
    },
  };
}
