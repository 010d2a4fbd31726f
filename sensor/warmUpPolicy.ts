/** The policies of the rehearsals, compiled by the main thread: it has the language loaded. */
import { API_VERSION, defaultSettings, parseDocuments } from "../crds/mod.ts";
import { compile } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import { Interface, MARK, REFUSED_PORT } from "./rehearsal.ts";

/** Of nobody in the rehearsal, but looked at. */
const NOBODY = ["203.0.113.0/24", "2001:db8:ffff::/48"];

/**
 * Each fires on the mark and refuses a port, and is never short of budget: the plainest policy that there is, and one
 * that asks for all that a policy can ask.
 */
export function compileWarmUp(): readonly CompiledPolicy[] {
  const refusal = { name: "port", connection: { phase: "Handshake", server: { ports: [String(REFUSED_PORT)] } } };
  return [
    compiled({
      rules: [{ name: "mark", signature: { rules: [`alert tcp any any -> any any (msg:"warm-up"; content:"${MARK}"; sid:1;)`] } }, refusal],
    }),
    compiled({
      subject: { interfaces: ["rehearsal*"] },
      exempt: [{ cidrs: NOBODY, reason: "nobody" }],
      rules: [
        {
          name: "mark",
          peers: { except: NOBODY },
          signature: {
            rules: [
              `alert tcp any any -> any any (msg:"warm-up"; flow:established; content:"${MARK.toUpperCase()}"; nocase; sid:1;)`,
              'alert tcp any any -> any [1024:65535] (msg:"never"; content:"|00 01 02 03|"; content:"never there"; sid:2;)',
            ],
          },
        },
        refusal,
      ],
    }),
  ];
}

function compiled(spec: object): CompiledPolicy {
  const text = JSON.stringify({
    apiVersion: API_VERSION,
    kind: "ClusterResponsePolicy",
    metadata: { name: "warm-up" },
    spec: { mode: "Enforce", limits: { connectionsPerMinutePerNode: 100_000 }, ...spec },
  });
  const { objects, problems } = parseDocuments(text, "warm-up", { standalone: true });
  const interfaces = Object.values(Interface).map((index) => ({ index, name: `rehearsal${index}`, kind: index === Interface.Uplink ? "Uplink" as const : "Pod" as const, addresses: [] }));
  const { compiled: found, notes } = compile({ objects, settings: { ...defaultSettings(), budgets: { connectionsPerMinute: 1_000_000 } }, interfaces });
  if (objects.length !== 1 || problems.length + notes.length > 0) throw new Error(`Mend the policy of the warm-up: ${JSON.stringify([...problems, ...notes])}`);
  return found;
}
