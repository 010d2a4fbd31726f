/** A decider over hand-made flows and policies as people write them. */
import { DetectPhase, Detector, Finding } from "../detect/mod.ts";
import { type FlowLike, HandMadeFlows } from "../detect/flows.fixture.ts";
import { Field, FLOW_WORDS } from "../flow/mod.ts";
import type { Claims } from "./claims.ts";
import type { CompileInput } from "./compile.ts";
import { Decider } from "./decider.ts";
import { compileTexts } from "./objects.fixture.ts";
import { verdictName } from "./verdict.ts";

export class Judge {
  readonly flows = new HandMadeFlows(512);
  readonly stop = new Int32Array(1);
  readonly decider: Decider;
  readonly detector: Detector;
  nowMs = 1_000_000;

  constructor(texts: readonly string[], input: Partial<CompileInput> = {}, claims?: Claims, budgets?: SharedArrayBuffer) {
    const { compiled, notes } = compileTexts(texts, input);
    if (notes.length > 0) throw new Error(JSON.stringify(notes));
    this.detector = new Detector(this.flows, compiled.detection);
    this.decider = new Decider({ flows: this.flows, compiled, stop: this.stop, seed: 7, claims, budgets });
  }

  swap(texts: readonly string[], input: Partial<CompileInput> = {}): void {
    const { compiled } = compileTexts(texts, input);
    this.detector.swap(compiled.detection);
    this.decider.swap(compiled);
  }

  /** A finding of a rule about a flow. */
  finding(slot: number, rule = 0, more: Partial<Finding> = {}): Finding {
    return Object.assign(new Finding(), { slot, rule, generation: this.flows.words[slot * FLOW_WORDS + Field.Generation] }, more);
  }

  /** Verdict and reason of rule 0 on a new flow: "Reset", "Suppress Exempt", ... */
  judge(flow: FlowLike = {}, more: Partial<Finding> = {}): string {
    return this.judgeSlot(this.flows.add(flow), more);
  }

  judgeSlot(slot: number, more: Partial<Finding> = {}): string {
    this.decider.decide(this.finding(slot, 0, more), this.nowMs);
    return this.said();
  }

  /** What a new flow's handshake leads to, through the detector. */
  connect(flow: FlowLike = {}): string {
    const slot = this.flows.add(flow);
    this.detector.count = 0;
    this.detector.onFlow(slot, DetectPhase.Handshake, 0);
    this.detector.onFlow(slot, DetectPhase.Established, 0);
    const count = this.decider.decideAll(this.detector.findings, this.detector.count, this.nowMs);
    return count === 0 ? "nothing" : this.said();
  }

  /** What FlowReset 0 says of a new flow: "no match" where it is not one of its own. */
  reset(flow: FlowLike = {}): string {
    const slot = this.flows.add(flow);
    if (!this.decider.flowResetMatches(0, slot)) return "no match";
    this.decider.decideFlowReset(0, slot, this.nowMs);
    return this.said();
  }

  said(): string {
    const { verdict, reason } = this.decider.decision;
    return reason === 0 ? verdictName(verdict) : `${verdictName(verdict)} ${reason}`;
  }
}
