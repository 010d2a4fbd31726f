/** The example policies that the sensor under test guards by, where the benchmark needs ordinary ones. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";

export const EXAMPLES = resolve(import.meta.dirname, "../../examples");

/** Its files, for SensorSetup. */
export function exampleFiles(): string[] {
  return readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml")).map((name) => `${EXAMPLES}/${name}`);
}
