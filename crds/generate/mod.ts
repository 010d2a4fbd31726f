/**
 * From the schemas to what others read of them: a CRD for each kind, and a page of reference.
 *
 * **Invariant:** nothing is said here that a schema could say: descriptions, defaults, limits and rules come from
 * there, so that file, API server and page agree. What a CRD cannot say is thrown out loud, not left out.
 *
 * It must not know who installs them, and no program of ours needs it while it runs.
 */
export { crdOf, crdYaml, type CustomResourceDefinition } from "./definition.ts";
export { printerColumns, type PrinterColumn } from "./columns.ts";
export { EXAMPLES, outputs } from "./outputs.ts";
export { structuralSchema, type Structural } from "./structural.ts";
export { complaintsAbout } from "./structuralCheck.ts";
