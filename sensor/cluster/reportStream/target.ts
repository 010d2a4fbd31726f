/** Where reports go, as the operator writes it into its ConfigMap. */

export interface StreamTarget {
  /** "https://10.96.0.20:8443", perhaps with a path. */
  readonly url: string;
  /** What the certificate must be of. */
  readonly serverName: string;
  /** Whom it must be signed by, PEM. */
  readonly ca: string;
}

/** Undefined where a part is missing, or the address is no HTTPS URL: nothing is ever sent in the clear. */
export function streamTarget(data: Readonly<Record<string, string>> | undefined): StreamTarget | undefined {
  const { url = "", serverName = "", ca = "" } = data ?? {};
  if (serverName === "" || !ca.includes("BEGIN CERTIFICATE") || !URL.canParse(url) || new URL(url).protocol !== "https:") return undefined;
  return { url: url.replace(/\/+$/, ""), serverName, ca };
}

export function sameTarget(left: StreamTarget | undefined, right: StreamTarget | undefined): boolean {
  return left?.url === right?.url && left?.serverName === right?.serverName && left?.ca === right?.ca;
}
