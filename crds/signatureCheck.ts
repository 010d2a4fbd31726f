/** The signatures of a policy, shown one by one to whoever reads their language. */
import { show, type Fault } from "./remark.ts";
import type { KindedObject } from "./kinds.ts";

/**
 * A `check` for validate() and parseDocuments(): `complaintOf` says what is wrong with the text of one signature, or
 * undefined. With it a file with a broken signature is a broken file, named with line and field.
 */
export function signatureCheck(complaintOf: (text: string) => string | undefined): (valid: KindedObject) => Fault[] {
  return (valid) => {
    if (valid.kind !== "ResponsePolicy" && valid.kind !== "ClusterResponsePolicy") return [];
    const faults: Fault[] = [];
    valid.object.spec.rules.forEach(({ signature }, rule) => {
      signature?.rules.forEach((text, index) => {
        const complaint = complaintOf(text);
        if (complaint === undefined) return;
        const message = complaint.includes(": current ") ? complaint : `${complaint}: current value is ${show(text)}`;
        faults.push({ path: ["spec", "rules", rule, "signature", "rules", index], message });
      });
    });
    return faults;
  };
}
