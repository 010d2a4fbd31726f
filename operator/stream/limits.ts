/** Named limits of this room. */

/** Open at one time: each costs about 90 KB (bytes of OpenSSL and Node.js, not of JavaScript). A sensor that finds no place comes again after a while of its own. */
export const MAX_CONNECTIONS = 1_200;
/** Kept open between reports. Beyond it a connection ends with its report: a new one costs about 1 ms of a processor, and there are 83 a second. */
export const MAX_KEPT_CONNECTIONS = 500;
/** What is asked of all sensors at one time, over connections that are kept and over those that are not: half a processor. */
export const KEPT_REPORTS_PER_SECOND = 1_500;
export const HANDSHAKES_PER_SECOND = 300;
/** Sensors that come all at once, when a leader is new: as many as Linux keeps waiting (net.core.somaxconn). */
export const BACKLOG = 4_096;
export const MAX_HEADER_BYTES = 16_384;
/** A token of a service account has about 1,500. */
export const MAX_TOKEN_BYTES = 8_192;
export const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the longest pause between two reports of a sensor. */
export const KEEP_ALIVE_MS = 90_000;

/**
 * How long an answer of the API server about a token holds, as a kubelet keeps it (--authentication-token-webhook-cache-ttl):
 * so long a sensor may go on after its pod was deleted. Of 5,000 sensors 40 are reviewed a second.
 */
export const REVIEW_KEPT_MS = 120_000;
export const REFUSAL_KEPT_MS = 10_000;
export const MAX_KEPT_REVIEWS = 20_000;
/** Asked of the API server at one time. */
export const MAX_REVIEWS_UNDER_WAY = 32;
/** Asked or waiting for their turn; more are told to come again. A sensor that is told so loses seconds, one that waits milliseconds. */
export const MAX_REVIEWS = 1_024;
/** The same for one address: made-up tokens from one place leave room for the sensors of others. */
export const MAX_REVIEWS_OF_ADDRESS = 16;

/** Reports of one node: at once, and a second. */
export const REPORT_BURST = 30;
export const REPORTS_PER_SECOND = 10;
