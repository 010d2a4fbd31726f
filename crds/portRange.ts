/** TCP ports in a schema; `values/portRange.ts` says how they are written. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { setOf } from "./kubernetesFields.ts";
import { MAX_PORT_RANGES } from "./limits.ts";
import { parsePortRange, PORT_RANGE_FORM } from "./values/mod.ts";

const EXPECTED_RANGE = "1 to 65535, the lower end first";

export const portRange = checkedText({
  noun: "a port",
  expected: 'a quoted port or range such as "80" or "8000-8999"',
  maxLength: 11,
  pattern: PORT_RANGE_FORM,
  complaint: (text) => (parsePortRange(text) === undefined ? EXPECTED_RANGE : undefined),
  cel: [
    {
      rule: "self.split('-').all(end, int(end) >= 1 && int(end) <= 65535) && (!self.contains('-') || int(self.split('-')[0]) <= int(self.split('-')[1]))",
      expected: EXPECTED_RANGE,
    },
  ],
});

/** Empty means any port. */
export const portRanges = setOf(z.array(portRange).max(MAX_PORT_RANGES));

export const portNumber = z.int().min(1).max(65_535);
