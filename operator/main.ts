/** One replica: finds out who leads, serves the report stream, and does the leader's work when it leads. */
import { randomUUID } from "node:crypto";
import { isIPv6 } from "node:net";
import { CertificateKeeper, type KeptCertificate } from "./certificate/mod.ts";
import { connect, LeaderElector, Reflector, RESOURCES, type KubeClient, type KubeObject } from "../kube/mod.ts";
import { releaseWhenResting } from "../memory/mod.ts";
import { createLog, type Logger } from "./log.ts";
import { Leading } from "./leading.ts";
import { NAMES, type OperatorOptions, type RunningOperator } from "./options.ts";
import { Authenticator, startReportServer, type ReportServer } from "./stream/mod.ts";
import { createRegistry, MetricsAccess, parseListen, startHealthServer, startMetricsServer, startProfilingServer, type MetricsServer, type OpenServer } from "./telemetry/mod.ts";
import { measurementsOf } from "./measurements.ts";

/** Resolves when its ports are open; whether it is ready, /readyz says. */
export async function runOperator(options: OperatorOptions): Promise<RunningOperator> {
  const log = createLog(options.logLevel);
  const access = { kubeconfig: options.kubeconfig, context: options.context, log, userAgent: "flowreset-operator" };
  // The lease has connections of its own: its renewal waits behind nothing.
  const [client, leaseClient] = await Promise.all([connect(access), connect(access)]);
  const replica = new Replica(options, client, leaseClient, log);
  try {
    await replica.start();
  } catch (error) {
    await replica.close();
    throw error;
  }
  return replica;
}

class Replica implements RunningOperator {
  readonly #options: OperatorOptions;
  readonly #client: KubeClient;
  readonly #leaseClient: KubeClient;
  readonly #log: Logger;
  readonly #authenticator: Authenticator;
  readonly #secret: Reflector;
  readonly #end = Promise.withResolvers<void>();
  #elector: LeaderElector | undefined;
  #certificate: KeptCertificate | undefined;
  #reports: ReportServer | undefined;
  #metrics: MetricsServer | undefined;
  #health: OpenServer | undefined;
  #profiling: OpenServer | undefined;
  #leading: Leading | undefined;
  /** Where the leader takes reports, as its Lease says. */
  #leaderUrl: string | undefined;
  #memory: Disposable | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: OperatorOptions, client: KubeClient, leaseClient: KubeClient, log: Logger) {
    const { namespace, sensorServiceAccount } = options;
    this.#options = options;
    this.#client = client;
    this.#leaseClient = leaseClient;
    this.#log = log;
    const user = `system:serviceaccount:${namespace}:${sensorServiceAccount}`;
    this.#authenticator = new Authenticator({ client, user, audience: NAMES.audience, nowMs: () => performance.now() });
    this.#secret = new Reflector({
      client,
      resource: RESOURCES.secrets,
      namespace,
      fieldSelector: `metadata.name=${NAMES.secret}`,
      onChange: ({ type, object }) => this.#useCertificate(type === "Deleted" ? undefined : object),
      log,
    });
  }

  async start(): Promise<void> {
    const { reportListen, healthListen, metricsListen, profilingListen } = this.#options;
    this.#reports = await startReportServer({
      ...parseListen(reportListen),
      tls: undefined,
      authenticate: (authorization, from) => this.#authenticator.authenticate(authorization, from),
      leader: () => this.#whereToReport(),
      take: (report) => this.#leading?.take(report),
      nowMs: () => performance.now(),
    });
    this.#health = await startHealthServer(parseListen(healthListen), { health: () => undefined, readiness: () => this.#trouble() });
    if (metricsListen !== undefined) this.#metrics = await this.#serveMetrics(metricsListen);
    if (profilingListen !== undefined) this.#profiling = await startProfilingServer(parseListen(profilingListen));
    this.#secret.start();
    this.#elect();
    this.#memory = releaseWhenResting({ onRelease: (release) => this.#log.debug(release, "memory given back") });
    this.#log.info({ reports: this.reportUrl, health: this.#health.url, metrics: this.#metrics?.url, profiling: this.#profiling?.url, identity: this.#options.identity }, "operator started");
  }

  get finished(): Promise<void> {
    return this.#end.promise;
  }

  get reportUrl(): string {
    return urlOf(this.#options.address, this.#reports?.port ?? 0);
  }

  get healthUrl(): string {
    return this.#health?.url ?? "";
  }

  get metricsUrl(): string | undefined {
    return this.#metrics?.url;
  }

  get isLeader(): boolean {
    return this.#leading !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop().finally(() => this.#end.resolve());
    return this.#closing;
  }

  #serveMetrics(address: string): Promise<MetricsServer> {
    const access = new MetricsAccess(this.#client, () => performance.now());
    const parts = { version: this.#options.version, client: this.#client, authenticator: this.#authenticator, reports: () => this.#reports, leading: () => this.#leading };
    return startMetricsServer(parseListen(address), createRegistry(measurementsOf(parts)), (authorization) => access.of(authorization));
  }

  #elect(): void {
    const { namespace, identity, lease } = this.#options;
    this.#elector = new LeaderElector({
      client: this.#leaseClient,
      namespace,
      name: NAMES.lease,
      identity: `${identity}_${randomUUID().slice(0, 8)}`,
      annotations: { [NAMES.addressAnnotation]: this.reportUrl },
      onStartedLeading: () => this.#lead(),
      onStoppedLeading: () => this.#end.reject(new Error("Cannot go on: the lease went to another replica")),
      onNewLeader: (leader, annotations) => {
        this.#leaderUrl = annotations[NAMES.addressAnnotation];
        this.#log.info({ leader, reports: this.#leaderUrl }, "there is a leader");
      },
      log: this.#log,
      ...lease,
    });
    this.#elector.start();
  }

  #lead(): void {
    const { namespace, identity, sensorServiceAccount, sensorImage } = this.#options;
    this.#leading = new Leading({
      client: this.#client,
      namespace,
      identity,
      sensorServiceAccount,
      sensorImage,
      log: this.#log,
      ownUrl: this.reportUrl,
      isLeading: () => this.#elector?.isLeader === true,
      certificate: () => this.#certificate,
    });
    this.#leading.start();
    this.#log.info({ identity }, "leading");
  }

  #useCertificate(secret: KubeObject | undefined): void {
    const certificate = CertificateKeeper.read(secret);
    // Where there is none, what was served is still good until the leader has made another.
    if (certificate !== undefined) {
      this.#certificate = certificate;
      this.#reports?.setCertificate(certificate);
      this.#metrics?.setCertificate(certificate);
    }
    this.#leading?.certificateChanged();
  }

  /** A leader that still reads the cluster's objects takes no report: sensors keep what they know for the moment. */
  #whereToReport(): string | undefined {
    if (this.#leading === undefined) return this.#leaderUrl;
    return this.#leading.isSynced ? "here" : undefined;
  }

  /** What keeps this replica from being of use; undefined: nothing. */
  #trouble(): string | undefined {
    if (this.#certificate === undefined) return "no certificate to serve reports with yet";
    if (this.#leading === undefined && this.#leaderUrl === undefined) return "nobody leads yet";
    return this.#leading?.following.trouble();
  }

  async #stop(): Promise<void> {
    this.#memory?.[Symbol.dispose]();
    // First nothing is written any more, then another may lead.
    await this.#leading?.close();
    this.#leading = undefined;
    await this.#elector?.close();
    await this.#secret.close();
    await this.#reports?.close();
    await this.#metrics?.close();
    await this.#profiling?.close();
    await this.#health?.close();
    await this.#leaseClient.close();
    await this.#client.close();
  }
}

function urlOf(address: string, port: number): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
