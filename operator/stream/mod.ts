/**
 * The report stream's end: HTTPS for sensors that show their service account's token.
 *
 * **Invariant:** nothing of a report is read before its sender is known, nothing is believed of a node but by a token
 * of that node, and every buffer, cache and rate has a named limit: whoever floods is answered 429 and slows nobody.
 *
 * It must not know what a report leads to.
 */
export { Authenticator, type Authentication, type AuthenticatorOptions } from "./authenticator.ts";
export { startReportServer, type ReportServer, type ReportServerOptions } from "./reportServer.ts";
export { answerSpreadMs, nextReportMs } from "./pace.ts";
