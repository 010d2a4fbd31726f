/** A real directory for a test, gone at its end; and the objects to put into it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "flowreset-policy-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function policy(name: string, mode = "Observe"): string {
  return `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: ${name}}
spec: {mode: ${mode}, rules: [{name: any, ports: ['1-65535'], connection: {}}]}
`;
}

export function put(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
