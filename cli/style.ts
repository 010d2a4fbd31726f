/** Colours, on a terminal only and never under NO_COLOR (https://no-color.org). */
import { styleText } from "node:util";
import type { Output } from "./surroundings.ts";

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";

export function paint(output: Output, env: Readonly<Record<string, string | undefined>>, colour: Colour, text: string): string {
  const plain = output.isTTY !== true || (env.NO_COLOR ?? "") !== "" || env.TERM === "dumb";
  return plain ? text : styleText(colour, text, { validateStream: false });
}
