/** Named limits of the language. An API server bounds the cost of its CEL rules by them; we bound memory. */

export const MAX_CIDRS = 1024;
export const MAX_PORT_RANGES = 64;
export const MAX_INTERFACES = 64;
/** Service accounts of a subject. */
export const MAX_SERVICE_ACCOUNTS = 32;
export const MAX_RULES = 64;
export const MAX_SIGNATURES = 256;
export const MAX_SIGNATURE_LENGTH = 8192;
export const MAX_SIGNATURE_SETS = 16;
export const MAX_FQDNS = 64;
export const MAX_TAGS = 32;
export const MAX_TAG_LENGTH = 128;
export const MAX_EXEMPTIONS = 256;
/** Of one exemption: an API server multiplies the two. */
export const MAX_EXEMPTED_CIDRS = 256;
export const MAX_REASON_LENGTH = 1024;
export const MAX_LABELS = 64;
export const MAX_LABEL_VALUES = 64;
export const MAX_PROTECTED_ENDPOINTS = 1024;
/** Of one protected endpoint. */
export const MAX_PROTECTED_PORTS = 16;

export const MAX_FLOWS_OF_RESET = 10_000;
export const MAX_TTL_SECONDS = 365 * 86_400;

/** Entries of a status: an object that thousands of nodes watch stays small. */
export const MAX_FAILURES = 10;
export const MAX_FLOWS_IN_STATUS = 10;
export const MAX_UNREPORTED = 100;
export const MAX_MISSING_RIGHTS = 64;

export const MAX_TOLERATIONS = 64;
export const MAX_PULL_SECRETS = 16;
export const MAX_WORKERS = 64;

/** Of a text handed to parseDocuments(): bytes as UTF-8, and objects found in it. */
export const MAX_FILE_BYTES = 1 << 20;
export const MAX_OBJECTS_PER_FILE = 1_000;
/** Problems and notes told of one text; the rest is counted in the last one. */
export const MAX_PROBLEMS_PER_FILE = 100;
/** Collections inside collections: deeper than any object of ours, shallower than the parser's stack. */
export const MAX_YAML_DEPTH = 64;
