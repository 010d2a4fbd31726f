/** What is compiled, and what is said of it. */
import type { KindedObject } from "../../crds/mod.ts";

/** A validated object with its name: what crds' parseDocuments() gives, or an API server's watch. */
export type PolicyObject = KindedObject & {
  readonly name: string;
  /** Empty for a kind without namespace. */
  readonly namespace: string;
};

export interface CompileNote {
  /** Of identityOf(). */
  readonly object: string;
  /** Error: a part does not work. Warning: it works otherwise than it reads. */
  readonly severity: "Error" | "Warning";
  /** Such as `spec.rules[0].signature.rules[1]`. */
  readonly field: string;
  readonly message: string;
}

export class NoteList {
  readonly notes: CompileNote[] = [];

  error(object: string, field: string, message: string): void {
    this.notes.push({ object, severity: "Error", field, message });
  }

  warning(object: string, field: string, message: string): void {
    this.notes.push({ object, severity: "Warning", field, message });
  }
}
