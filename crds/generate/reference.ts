/** A page of Markdown for each kind: every field with its type, default, limits and words, and every rule. */
import { API_VERSION, CLUSTER_KINDS, GROUP, isNamespaced, KIND_NAMES, type ClusterKind } from "../group.ts";
import { printerColumns } from "./columns.ts";
import { crdOf } from "./definition.ts";
import { factsOf, isLabelSelector, typeOf } from "./facts.ts";
import type { Structural } from "./structural.ts";

const NOTICE = "<!-- Written by `make crds` from the schemas in crds/; a test fails where it differs. -->";

/** @param example YAML of an object of the kind; "" for a kind that nobody writes by hand. */
export function pageOf(kind: ClusterKind, example: string): string {
  const { description, properties } = crdOf(kind).spec.versions[0].schema.openAPIV3Schema;
  const { plural, shortName } = KIND_NAMES[kind];
  const columns = printerColumns[kind].filter(({ priority }) => priority === undefined).map(({ name, description: words }) => `| ${name.toUpperCase()} | ${words} |`);
  return [
    NOTICE,
    `# ${kind}`,
    description,
    `\`${API_VERSION}\`, ${isNamespaced(kind) ? "in a namespace" : "cluster-scoped"}; \`kubectl get ${shortName}\` (${plural}), \`kubectl explain ${kind.toLowerCase()}.spec\`.`,
    ...(example === "" ? [] : ["## Example", `\`\`\`yaml\n${example.trim()}\n\`\`\``]),
    "## What kubectl get shows",
    ["| column | what it says |", "|---|---|", ...columns, "", "`-o wide` shows more."].join("\n"),
    ...sectionsOf("spec", properties!["spec"]!, 2),
    ...sectionsOf("status", properties!["status"]!, 2),
    ...labelSelectorSections(properties!["spec"]!),
  ].join("\n\n").concat("\n");
}

/** The field itself, its fields in a table, its rules, and then the same for whatever in it has fields of its own. */
function sectionsOf(path: string, schema: Structural, level: number): string[] {
  const holder = schema.items ?? schema;
  const fields = Object.entries(holder.properties ?? {});
  const rows = fields.map(([name, field]) => {
    const isRequired = holder.required?.includes(name) === true;
    return `| ${linked(name, `${path}${schema.items === undefined ? "" : "[]"}`, field)}${isRequired ? " (required)" : ""} | ${typeOf(field)} | ${cell([field.description ?? "", ...factsOf(field)].join(" "))} |`;
  });
  const below = schema.items === undefined ? path : `${path}[]`;
  return [
    `${"#".repeat(level)} ${below}`,
    schema.description ?? "",
    ...(rows.length === 0 ? [] : [["| field | type | |", "|---|---|---|", ...rows].join("\n")]),
    ...rulesOf(holder),
    ...fields.filter(([, field]) => hasFields(field)).flatMap(([name, field]) => sectionsOf(`${below}.${name}`, field, 3)),
  ];
}

function rulesOf(schema: Structural): string[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  const lines = rules.map(({ message, fieldPath }) => `- ${fieldPath === undefined ? "" : `\`${fieldPath.slice(1)}\`: `}${message}`);
  return lines.length === 0 ? [] : [["What breaks a rule is refused with these words:", "", ...lines].join("\n")];
}

/** Whether it gets a section of its own. */
function hasFields(field: Structural): boolean {
  return !isLabelSelector(field) && (field.properties !== undefined || field.items?.properties !== undefined);
}

/** One for all the label selectors of a page, or none. */
function labelSelectorSections(schema: Structural): string[] {
  const selector = labelSelectorIn(schema);
  return selector === undefined ? [] : sectionsOf("LabelSelector", { ...selector, description: "Kubernetes' own. Both parts must hold; an empty one selects everything." }, 2);
}

function labelSelectorIn(schema: Structural): Structural | undefined {
  if (isLabelSelector(schema)) return schema;
  for (const part of [...Object.values(schema.properties ?? {}), schema.items]) {
    const found = part === undefined ? undefined : labelSelectorIn(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Fields with a section of their own lead to it; the anchor is GitHub's. */
function linked(name: string, path: string, field: Structural): string {
  if (isLabelSelector(field)) return `[\`${name}\`](#labelselector)`;
  if (!hasFields(field)) return `\`${name}\``;
  const anchor = `${path}.${name}`.toLowerCase().replace(/[^a-z0-9-]/g, "");
  return `[\`${name}\`](#${anchor})`;
}

/** A cell ends at a bar. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").trim();
}

export function indexPage(): string {
  const rows = CLUSTER_KINDS.map((kind) => {
    const { description } = crdOf(kind).spec.versions[0].schema.openAPIV3Schema;
    return `| [${kind}](${kind}.md) | \`${KIND_NAMES[kind].shortName}\` | ${isNamespaced(kind) ? "namespace" : "cluster"} | ${description} |`;
  });
  return `${NOTICE}

# Reference

The kinds of \`${API_VERSION}\`. They need Kubernetes 1.32 or newer. \`kubectl get ndr -A\` lists all of them.

| kind | short name | scope | |
|---|---|---|---|
${rows.join("\n")}

The same YAML works without a cluster, in the folder of a standalone sensor, where it names no pods; \`SensorSettings\`
then stands for the SensorFleet.

## What the API server checks

Every field has a type, a default and limits, and every rule between fields is enforced at admission; the message names
the field and says what is expected. \`kubectl apply\` refuses a misspelt field. An object that was stored under an older
or newer CRD still works: a field that the operator or a sensor does not know is named in the object's conditions and
left out, or, where leaving it out would match more than was asked for, its rule rests and its FlowReset is refused.

## How other programs read the objects

- **kubectl wait**: \`kubectl wait --for=condition=Ready rpol/NAME\`, \`kubectl wait --for=condition=Complete fr/NAME\`,
  \`kubectl wait --for=jsonpath='{.status.phase}'=Succeeded fr/NAME\`.
- **kstatus (Flux, kpt, cli-utils)**: every status has \`observedGeneration\` and a condition \`Ready\`, and, while they
  hold, \`Reconciling\` and \`Stalled\`. A FlowReset has \`Complete\` or \`Failed\` like a Job. A Flux Kustomization
  with \`wait: true\` waits for them.
- **Argo CD** calls a custom resource healthy as soon as it exists, unless it is told how to read it. Its generic reading
  of \`Ready\` suffices: put the usual script for conditions under \`resource.customizations.health.${GROUP}_KIND\`.
  Defaults are filled in by the API server; compare with server-side diff, so that they do not show as drift.
- **A FlowReset in git** runs once for each object that git makes. It is deleted \`ttlSecondsAfterFinished\` after it
  has finished, and a tool that keeps git and cluster alike would make it again, and so run it again: keep
  FlowResets out of git, or let them live longer there than in it (a year at most).
- **Watches** may be narrowed by \`--field-selector\`: \`status.phase\` of FlowResets, \`spec.fleet\` of SensorNodes.

## Who writes what

| | spec | status |
|---|---|---|
| ResponsePolicy, ClusterResponsePolicy, FlowReset, ClusterFlowReset, SensorFleet | people and their tools | the operator |
| SensorNode | the sensor of the node | the sensor of the node; the operator where that is silent |
`;
}
