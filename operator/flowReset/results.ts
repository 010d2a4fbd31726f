/**
 * What sensors reported of FlowResets, until it is written into their status. A result is acknowledged to its sensor
 * only then: the sensor keeps it and tells it to the next leader when this one dies before.
 */
import type { FlowResult, ResetReport } from "../../crds/stream/mod.ts";
import { connectionKey, type NodeResult } from "./join.ts";
import { MAX_BOOKED_FLOWS, MAX_BOOKED_FLOWS_OF_NODE, MAX_BOOKED_RESETS, MAX_JOINED_FLOWS, MAX_UNKNOWN_OF_NODE, UNKNOWN_KEPT_MS } from "./limits.ts";

interface Entry extends NodeResult {
  readonly flows: Map<string, FlowResult>;
  /** The report that brought its newest part. */
  readonly sequence: number;
}

interface Page {
  readonly entries: Map<string, Entry>;
  /** When the first result came; the object itself may come later. */
  readonly sinceMs: number;
  /** The node that spoke of it first; undefined: the API server shows the object. */
  unknownOf: string | undefined;
}

export class ResultBook {
  readonly #pages = new Map<string, Page>();
  /** Of each node, what is not yet in a status: sequence by uid. */
  readonly #unwritten = new Map<string, Map<string, number>>();
  /** FlowResets that each node alone speaks of: whoever has taken over a sensor may call it started anew at any time. */
  readonly #unknownOfNode = new Map<string, number>();
  /** How many connections are kept of each node, and of all. */
  readonly #flowsOfNode = new Map<string, number>();
  #flows = 0;
  #dropped = 0;

  /** @returns whether it says anything new. */
  take(node: string, session: string, sequence: number, report: ResetReport, nowMs: number): boolean {
    const page = this.#pageFor(report.uid, node, nowMs);
    if (page === undefined) {
      this.#dropped++;
      return false;
    }
    const before = page.entries.get(node);
    const flows = new Map(before?.flows);
    let isNew = before === undefined || before.phase !== report.phase || before.matched !== report.matched;
    for (const flow of report.flows) {
      const key = connectionKey(flow);
      const known = flows.get(key);
      if (known === undefined && !this.#hasRoom(node, flows.size)) continue;
      if (known === undefined) this.#countFlows(node, 1);
      isNew ||= known === undefined || known.outcome !== flow.outcome || known.reason !== flow.reason;
      flows.set(key, flow);
    }
    page.entries.set(node, {
      node,
      session,
      sequence,
      phase: report.phase,
      reason: report.reason ?? "",
      message: report.message ?? "",
      matched: Math.max(report.matched, before?.matched ?? 0),
      startedAt: before?.startedAt ?? report.startedAt,
      finishedAt: report.finishedAt,
      flows,
    });
    if (isNew) this.#setUnwritten(node, report.uid, sequence);
    return isNew;
  }

  of(uid: string): readonly NodeResult[] {
    return [...(this.#pages.get(uid)?.entries.values() ?? [])];
  }

  /** The API server shows the object: its results are kept until it is forgotten. */
  know(uid: string): void {
    const page = this.#pages.get(uid);
    if (page !== undefined) this.#settle(page);
  }

  /** Everything that `of()` returned a moment ago is in the object's status. */
  written(uid: string, results: readonly NodeResult[]): void {
    for (const { node } of results) {
      const unwritten = this.#unwritten.get(node);
      if (unwritten === undefined || this.#pages.get(uid)?.entries.get(node) !== results.find((result) => result.node === node)) continue;
      unwritten.delete(uid);
      if (unwritten.size === 0) this.#unwritten.delete(node);
    }
  }

  hasUnwritten(uid: string): boolean {
    return this.of(uid).some(({ node }) => this.#unwritten.get(node)?.has(uid) === true);
  }

  /** The highest sequence number of a node's report of which nothing need be kept by the node. */
  acknowledged(node: string, sequence: number): number {
    let lowest = sequence;
    for (const unwritten of this.#unwritten.get(node)?.values() ?? []) lowest = Math.min(lowest, unwritten - 1);
    return Math.max(0, lowest);
  }

  /** A new session counts its reports anew: what is not written of the old one stays, and is not waited for. */
  forgetSession(node: string): void {
    this.#unwritten.delete(node);
  }

  forget(uid: string): void {
    const page = this.#pages.get(uid);
    if (page === undefined) return;
    this.#settle(page);
    for (const [node, { flows }] of page.entries) {
      this.#countFlows(node, -flows.size);
      const unwritten = this.#unwritten.get(node);
      unwritten?.delete(uid);
      if (unwritten?.size === 0) this.#unwritten.delete(node);
    }
    this.#pages.delete(uid);
  }

  /** Results of objects that never appeared. */
  sweep(nowMs: number): void {
    for (const [uid, page] of this.#pages) if (page.unknownOf !== undefined && nowMs - page.sinceMs > UNKNOWN_KEPT_MS) this.forget(uid);
  }

  get figures(): { readonly resets: number; readonly flows: number; readonly dropped: number } {
    return { resets: this.#pages.size, flows: this.#flows, dropped: this.#dropped };
  }

  #hasRoom(node: string, ofThisReset: number): boolean {
    return ofThisReset < MAX_JOINED_FLOWS && this.#flows < MAX_BOOKED_FLOWS && (this.#flowsOfNode.get(node) ?? 0) < MAX_BOOKED_FLOWS_OF_NODE;
  }

  #countFlows(node: string, more: number): void {
    this.#flows += more;
    const ofNode = (this.#flowsOfNode.get(node) ?? 0) + more;
    if (ofNode === 0) this.#flowsOfNode.delete(node);
    else this.#flowsOfNode.set(node, ofNode);
  }

  #pageFor(uid: string, node: string, nowMs: number): Page | undefined {
    const known = this.#pages.get(uid);
    if (known !== undefined) return known;
    if (this.#pages.size >= MAX_BOOKED_RESETS || (this.#unknownOfNode.get(node) ?? 0) >= MAX_UNKNOWN_OF_NODE) return undefined;
    const page: Page = { entries: new Map(), sinceMs: nowMs, unknownOf: node };
    this.#pages.set(uid, page);
    this.#countUnknown(node, 1);
    return page;
  }

  /** It is unknown no more. */
  #settle(page: Page): void {
    if (page.unknownOf !== undefined) this.#countUnknown(page.unknownOf, -1);
    page.unknownOf = undefined;
  }

  #countUnknown(node: string, more: number): void {
    const count = (this.#unknownOfNode.get(node) ?? 0) + more;
    if (count === 0) this.#unknownOfNode.delete(node);
    else this.#unknownOfNode.set(node, count);
  }

  #setUnwritten(node: string, uid: string, sequence: number): void {
    const unwritten = this.#unwritten.get(node) ?? new Map<string, number>();
    // The first part of it that is not written decides.
    unwritten.set(uid, Math.min(sequence, unwritten.get(uid) ?? sequence));
    this.#unwritten.set(node, unwritten);
  }
}
