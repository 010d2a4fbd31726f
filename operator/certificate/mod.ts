/**
 * The certificate by which sensors know the operator: a CA of its own and a serving certificate, in one Secret.
 *
 * **Invariant:** whoever trusts the published bundle trusts the certificate that is served, at every moment of a
 * rotation: a new CA is published a day before it signs, and an old one stays published until it expires.
 *
 * It must not know who connects. The library that writes X.509 is loaded only when a certificate is made.
 */
export { CertificateKeeper, type KeptCertificate } from "./keeper.ts";
export { bundleOf, readMaterial, type Material } from "./material.ts";
export { planCertificate, type Step } from "./plan.ts";
