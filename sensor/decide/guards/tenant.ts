/**
 * What a namespace's object may touch: connections with an end that is a pod of that namespace, seen at that pod's own
 * interface, under either tuple. It never learns more than that: whose another's connection is stays unsaid.
 */
import { addressIsOf, has, isPodAddress, leavesOnly, mayBeUnknownPod, Owner, ownerOfSide, placeOfSide } from "../../detect/mod.ts";
import { Field, twinFlip } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";
import { NO_NAMESPACE } from "../subjects/mod.ts";

export function tenant(question: Question): Reason | 0 {
  const { namespace, base, twinBase } = question;
  if (namespace === NO_NAMESPACE) return 0;
  if (hasEnd(question, base) || (twinBase >= 0 && hasEnd(question, twinBase))) {
    return twinBase < 0 || isTranslation(question) ? 0 : Reason.SpoofedInterface;
  }
  if (namesEnd(question, base) || (twinBase >= 0 && namesEnd(question, twinBase))) return Reason.SpoofedInterface;
  return mayBeNew(question, base) || (twinBase >= 0 && mayBeNew(question, twinBase)) ? Reason.UnknownPod : Reason.ForeignNamespace;
}

function hasEnd(question: Question, base: number): boolean {
  return isTenants(question, base, 0) || isTenants(question, base, 1);
}

/** An address of the namespace's pods, wherever it was seen. */
function namesEnd({ words, namespace, compiled: { detection: { owners } } }: Question, base: number): boolean {
  return addressIsOf(owners, words, base, 0, namespace) || addressIsOf(owners, words, base, 1, namespace);
}

function mayBeNew(question: Question, base: number): boolean {
  return isNew(question, base, 0) || isNew(question, base, 1);
}

function isNew({ words, compiled: { detection: { owners } } }: Question, base: number, side: number): boolean {
  return ownerOfSide(owners, words, base, side) === Owner.Nobody && mayBeUnknownPod(owners, words, base, side);
}

/**
 * Two flows are joined by numbers that a pod can copy into packets of its own. What a node translates has the same
 * client on both sides, or the node's address (masquerade); no end of it enters by two pods' interfaces; and what stands
 * for the tenant's server in the other tuple is a service's address, never a pod's.
 */
function isTranslation(question: Question): boolean {
  const { words, slot, base, twin, twinBase } = question;
  const flip = twinFlip(words, slot, twin);
  for (let side = 0; side < 2; side++) {
    const one = enteringPod(question, base, side);
    const other = enteringPod(question, twinBase, side ^ flip);
    if (one !== 0 && other !== 0 && one !== other) return false;
  }
  if (!isMasqueraded(question, flip) && !sameEnd(words, base, 0, twinBase, flip)) return false;
  if (isTenants(question, base, 0) || isTenants(question, twinBase, flip)) return true;
  return !isOthersPod(question, base, 1) && !isOthersPod(question, twinBase, 1 ^ flip);
}

function isTenants({ words, namespace, compiled: { detection: { owners } } }: Question, base: number, side: number): boolean {
  return owners.namespaces[ownerOfSide(owners, words, base, side)] === namespace;
}

/** A pod's address, and not the tenant's own where it shows. */
function isOthersPod(question: Question, base: number, side: number): boolean {
  return !isTenants(question, base, side) && isPodAddress(question.compiled.detection.owners, question.words, base, side);
}

/** The pod's interface by which the side's packets come in, 0 for none. */
function enteringPod({ words, compiled: { detection: { owners } } }: Question, base: number, side: number): number {
  const place = placeOfSide(words, base, side);
  return owners.podInterfaces.includes(place) && !leavesOnly(words, base, side) ? place : 0;
}

function isMasqueraded({ row0, twinRow0, twinRow1, compiled: { guards: { addresses, sharedClients } } }: Question, flip: number): boolean {
  return has(addresses, row0, sharedClients) || has(addresses, flip === 0 ? twinRow0 : twinRow1, sharedClients);
}

function sameEnd(words: Int32Array, base: number, side: number, otherBase: number, otherSide: number): boolean {
  const address = base + (side === 0 ? Field.InitiatorAddress : Field.ResponderAddress);
  const other = otherBase + (otherSide === 0 ? Field.InitiatorAddress : Field.ResponderAddress);
  for (let word = 0; word < 4; word++) if (words[address + word] !== words[other + word]) return false;
  return portOf(words, base, side) === portOf(words, otherBase, otherSide);
}

function portOf(words: Int32Array, base: number, side: number): number {
  const pair = words[base + Field.Ports]!;
  return side === 0 ? pair >>> 16 : pair & 0xffff;
}
