/** Rules in few words. */
import { DetectionBuilder, type DetectionOptions, type RuleSpec } from "./build.ts";
import { cidrsToRanges } from "./cidr.ts";
import type { CompiledDetection } from "./compiled.ts";
import type { InterfaceDescription } from "./interfaces.ts";
import { portsToRanges } from "./ports.ts";
import { ALL_ADDRESSES, ALL_PORTS } from "./ranges.ts";
import { Fault, parseSignature, type Signature } from "./signature/mod.ts";

export interface ShortRule {
  identity?: string;
  direction?: RuleSpec["direction"];
  subject?: readonly string[];
  interfaces?: readonly string[];
  eitherEnd?: boolean;
  peers?: readonly string[];
  ports?: readonly string[];
  phase?: "Handshake" | "Established";
  client?: readonly string[];
  clientPorts?: readonly string[];
  server?: readonly string[];
  serverPorts?: readonly string[];
  /** Each is a signature's options without sid, with or without a header before them. */
  signatures?: readonly string[];
  tenant?: number;
}

export function spec(rule: ShortRule): RuleSpec {
  const cidrs = (texts: readonly string[] | undefined) => (texts === undefined ? ALL_ADDRESSES : cidrsToRanges(texts));
  const ports = (texts: readonly string[] | undefined) => (texts === undefined ? ALL_PORTS : portsToRanges(texts));
  return {
    identity: rule.identity ?? JSON.stringify(rule),
    direction: rule.direction ?? "Any",
    subject: cidrs(rule.subject),
    interfaces: rule.interfaces === undefined ? undefined : { names: rule.interfaces, eitherEnd: rule.eitherEnd ?? false },
    peers: cidrs(rule.peers),
    ports: ports(rule.ports),
    connection:
      rule.phase === undefined
        ? undefined
        : { phase: rule.phase, client: cidrs(rule.client), clientPorts: ports(rule.clientPorts), server: cidrs(rule.server), serverPorts: ports(rule.serverPorts) },
    tenant: rule.tenant,
    signatures: (rule.signatures ?? []).map(signature),
  };
}

export function signature(text: string, index = 0): Signature {
  const whole = text.startsWith("alert") ? text : `alert tcp any any -> any any (${text} sid:${index + 1};)`;
  const parsed = parseSignature(whole);
  if (parsed instanceof Fault) throw new Error(`${parsed.message}: ${whole}`);
  return parsed;
}

export function build(rules: readonly ShortRule[], interfaces: readonly InterfaceDescription[] = [], options: DetectionOptions = {}): CompiledDetection {
  const builder = new DetectionBuilder(options);
  for (const rule of rules) {
    const added = builder.add(spec(rule));
    if (typeof added === "string") throw new Error(added);
  }
  return builder.build(interfaces);
}
