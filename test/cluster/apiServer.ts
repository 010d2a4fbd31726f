/** A real API server as tests use it: whom they are there, what they ask it, and the kubeconfigs that they hand on. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { promisify } from "node:util";
import { Agent } from "undici";
import { parse } from "yaml";
import { until } from "../lab/mod.ts";
import { readAuditLog } from "./controlPlane/auditLog.ts";
import type { AuditedCall } from "./controlPlane/auditLog.ts";
import { CertificateAuthority } from "./controlPlane/certificates.ts";
import type { Credentials, Subject } from "./controlPlane/certificates.ts";
import { kubeconfig } from "./controlPlane/kubeconfig.ts";

const TOKEN_SECONDS = 3_600;
const PROGRAM_TIMEOUT_MS = 300_000;
const OUTPUT_LIMIT_BYTES = 64 << 20;

/** What one process must tell another about an API server that it started. */
export interface ApiServerAddress {
  readonly kubeconfigPath: string;
  readonly kubectl: string;
  /** The folder with ca.crt and ca.key; absent for a cluster that is not ours (USE_EXISTING_CLUSTER). */
  readonly pki?: string;
  /** Absent where pki is. */
  readonly auditLogPath?: string;
}

export interface Answer<Body = any> {
  readonly status: number;
  /** The parsed JSON, or the text where it is none. */
  readonly body: Body;
}

export interface RequestOptions {
  /** Sent as JSON, or as it is where it is text. */
  readonly body?: unknown;
  /** "application/json" unless told; a patch needs its own. */
  readonly contentType?: string;
  /** Asks as whoever this token names, not as the administrator. */
  readonly token?: string;
  /** Asks as whoever this certificate names. */
  readonly credentials?: Credentials;
}

export interface ProgramOptions {
  /** Written to standard input. */
  readonly input?: string;
  /** The administrator's unless told. */
  readonly kubeconfigPath?: string;
}

export interface TokenOptions {
  /** A Pod (of the same namespace) or Node that must exist: the token names it, and ends with it. */
  readonly boundTo?: { readonly kind: "Pod" | "Node"; readonly name: string; readonly uid: string };
  /** The API server's own unless told. */
  readonly audience?: string;
  /** Several. */
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
}

export class ApiServer {
  readonly url: string;
  /** Of the administrator. */
  readonly kubeconfigPath: string;
  readonly caPem: string;
  readonly admin: Credentials;
  readonly #address: ApiServerAddress;
  readonly #agents = new Map<string, Agent>();

  constructor(address: ApiServerAddress) {
    this.#address = address;
    this.kubeconfigPath = address.kubeconfigPath;
    const { url, caPem, admin } = readKubeconfig(address.kubeconfigPath);
    this.url = url;
    this.caPem = caPem;
    this.admin = admin;
  }

  /** One request, never thrown for its status. @param path with its query: "/api/v1/nodes?limit=1" */
  async request(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, options: RequestOptions = {}): Promise<Answer> {
    const { body, contentType = "application/json", token, credentials } = options;
    const { statusCode, body: answer } = await this.#agent(token === undefined ? (credentials ?? this.admin) : undefined).request({
      origin: this.url,
      path,
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": contentType }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    try {
      return { status: statusCode, body: JSON.parse(text) };
    } catch {
      return { status: statusCode, body: text };
    }
  }

  /** Like `request`, for what a test only prepares. @returns the body. @throws for a status over 299, with what was said. */
  async expect(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, options: RequestOptions = {}): Promise<any> {
    const { status, body } = await this.request(method, path, options);
    if (status > 299) throw new Error(`Cannot ${method} ${path}: ${status} ${typeof body === "string" ? body : (body.message ?? JSON.stringify(body))}`);
    return body;
  }

  #agent(credentials: Credentials | undefined): Agent {
    const key = credentials?.certPem ?? "";
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = new Agent({ connect: { ca: this.caPem, ...(credentials === undefined ? {} : { cert: credentials.certPem, key: credentials.keyPem }) } });
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Runs kubectl as the administrator. @returns its standard output. @throws with what it said where it fails. */
  kubectl(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return this.runProgram(this.#address.kubectl, args, options);
  }

  /** Like `kubectl`, for another program that reads KUBECONFIG. @param program its path */
  async runProgram(program: string, args: readonly string[], { input = "", kubeconfigPath = this.kubeconfigPath }: ProgramOptions = {}): Promise<string> {
    const running = promisify(execFile)(program, [...args], {
      env: { ...process.env, KUBECONFIG: kubeconfigPath },
      maxBuffer: OUTPUT_LIMIT_BYTES,
      timeout: PROGRAM_TIMEOUT_MS,
    });
    running.child.stdin!.on("error", () => {}); // It may end before it has read all.
    running.child.stdin!.end(input);
    try {
      return (await running).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${basename(program)} ${args.join(" ")} failed: ${`${stderr ?? ""}${stdout ?? ""}`.trim() || error}`);
    }
  }

  /**
   * Waits until CRDs are served. @param which in kubectl's words: "crd/NAME", "--filename=FILE", or "crd" and "--all".
   * Asked again: `kubectl wait` fails on a CRD so young that its status is null.
   */
  async established(...which: readonly string[]): Promise<void> {
    await until(`the CRDs to be established: ${which.join(" ")}`, () => this.kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...which]), 60_000);
  }

  /** Applies documents with kubectl, as people do. @param manifests YAML, or objects. @returns what kubectl said. */
  apply(manifests: string | readonly object[]): Promise<string> {
    const input = typeof manifests === "string" ? manifests : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests });
    return this.kubectl(["apply", "--filename=-"], { input });
  }

  /**
   * A namespace of a test's own, with the service account `default`, without which no pod is admitted (where no
   * controller manager runs nobody else makes it). @returns its name: the prefix and something random.
   */
  async createNamespace(prefix: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `${prefix}-${randomUUID().slice(0, 8)}`;
    await this.expect("POST", "/api/v1/namespaces", { body: { metadata: { name, labels } } });
    await this.createServiceAccount(name, "default");
    return name;
  }

  /** Nothing happens where it exists. */
  async createServiceAccount(namespace: string, name: string): Promise<void> {
    const { status, body } = await this.request("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, { body: { metadata: { name } } });
    if (status !== 201 && status !== 409) throw new Error(`Cannot create the service account ${namespace}/${name}: ${body.message}`);
  }

  /** A token of an existing service account, as a pod of it has one (TokenRequest). */
  async createToken(account: { namespace: string; name: string }, { boundTo, audience, audiences = audience === undefined ? [] : [audience], expirationSeconds = TOKEN_SECONDS }: TokenOptions = {}): Promise<string> {
    const spec = {
      expirationSeconds,
      ...(audiences.length === 0 ? {} : { audiences }),
      ...(boundTo === undefined ? {} : { boundObjectRef: { apiVersion: "v1", ...boundTo } }),
    };
    const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
    return (await this.expect("POST", path, { body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec } })).status.token;
  }

  /** The certificate of any user: a kubelet is `{name: "system:node:a", groups: ["system:nodes"]}`. */
  async createCredentials(subject: Subject): Promise<Credentials> {
    const { pki } = this.#address;
    if (pki === undefined) throw new Error("Unset USE_EXISTING_CLUSTER to run this test: it needs the key of the cluster's certificate authority");
    const authority = { certPem: readFileSync(`${pki}/ca.crt`, "utf8"), keyPem: readFileSync(`${pki}/ca.key`, "utf8") };
    return (await CertificateAuthority.open(authority)).client(subject);
  }

  /** The path of a kubeconfig of any user, with a certificate or a token; gone when `removed` is disposed of. */
  kubeconfigOf(user: Credentials | { readonly token: string }, namespace = "default"): { path: string; [Symbol.dispose](): void } {
    const directory = mkdtempSync(`${tmpdir()}/flowreset-kubeconfig-`);
    const path = `${directory}/kubeconfig`;
    writeFileSync(path, kubeconfig({ url: this.url, caPem: this.caPem, user, namespace }), { mode: 0o600 });
    return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
  }

  /** What a service account has asked so far, since the API server was made. */
  callsOf(account: { namespace: string; name: string }): AuditedCall[] {
    const { auditLogPath } = this.#address;
    if (auditLogPath === undefined) throw new Error("Unset USE_EXISTING_CLUSTER to run this test: it needs the cluster's audit log");
    return readAuditLog(auditLogPath, `system:serviceaccount:${account.namespace}:${account.name}`);
  }

  /** Closes the connections of this object; the server goes on. */
  async close(): Promise<void> {
    for (const agent of this.#agents.values()) await agent.destroy();
    this.#agents.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Of a kubeconfig whose user has a certificate, written into the file. */
function readKubeconfig(path: string): { url: string; caPem: string; admin: Credentials } {
  const { clusters, users, contexts, ...config } = parse(readFileSync(path, "utf8"));
  const { context } = contexts.find(({ name }: { name: string }) => name === config["current-context"]);
  const { cluster } = clusters.find(({ name }: { name: string }) => name === context.cluster);
  const { user } = users.find(({ name }: { name: string }) => name === context.user);
  const text = (key: string, owner: Record<string, string>) => {
    if (owner[key] === undefined) throw new Error(`Use a kubeconfig that carries ${key}: ${path} does not`);
    return Buffer.from(owner[key], "base64").toString();
  };
  return {
    url: cluster.server,
    caPem: text("certificate-authority-data", cluster),
    admin: { certPem: text("client-certificate-data", user), keyPem: text("client-key-data", user) },
  };
}
