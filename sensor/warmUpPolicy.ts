/** The policy of the rehearsal, compiled by the main thread: it has the language loaded. */
import { defaultSettings, parseDocuments } from "../crds/mod.ts";
import { compile } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import { MARK, REFUSED_PORT } from "./rehearsal.ts";

/** Fires on the mark and refuses a port; never short of budget. */
export function compileWarmUp(): CompiledPolicy {
  const rule = `alert tcp any any -> any any (msg:"warm-up"; content:"${MARK}"; nocase; sid:1;)`;
  const text = JSON.stringify({
    apiVersion: "flowreset.io/v1alpha1",
    kind: "ClusterResponsePolicy",
    metadata: { name: "warm-up" },
    spec: {
      mode: "Enforce",
      limits: { connectionsPerMinutePerNode: 100_000 },
      // Of nobody in the rehearsal, but looked at.
      exempt: [{ cidrs: ["203.0.113.0/24", "2001:db8:ffff::/48"], reason: "nobody" }],
      rules: [
        { name: "mark", peers: { except: ["203.0.113.0/24", "2001:db8:ffff::/48"] }, signature: { rules: [rule] } },
        { name: "port", connection: { phase: "Handshake", server: { ports: [String(REFUSED_PORT)] } } },
      ],
    },
  });
  const { objects, problems } = parseDocuments(text, "warm-up", { standalone: true });
  const { compiled, notes } = compile({ objects, settings: { ...defaultSettings(), budgets: { connectionsPerMinute: 1_000_000 } }, interfaces: [] });
  if (objects.length !== 1 || problems.length + notes.length > 0) throw new Error(`Mend the policy of the warm-up: ${JSON.stringify([...problems, ...notes])}`);
  return compiled;
}
