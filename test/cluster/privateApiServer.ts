/** An API server of one's own on loopback, with etcd behind it, that tests may stop, kill and start again. */
import { ApiServer } from "./apiServer.ts";
import type { ApiServerAddress } from "./apiServer.ts";
import { bringBinaries } from "./binaries/binaries.ts";
import { ControlPlane } from "./controlPlane/controlPlane.ts";
import type { CommandName } from "./binaries/goModule.ts";
import { freePorts } from "./controlPlane/freePorts.ts";
import { OwnPrograms } from "./controlPlane/ownPrograms.ts";

export interface ApiServerOptions {
  /** Also runs the controller manager: all its controllers, or those named. Without it nothing is collected or filled in. */
  readonly controllerManager?: boolean | readonly string[];
  readonly scheduler?: boolean;
  /** More flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

/** Starts an API server of one's own; it takes about four seconds. It ends with `close()`, or with this process. */
export async function startApiServer({ controllerManager = false, scheduler = false, flags = [] }: ApiServerOptions = {}): Promise<PrivateApiServer> {
  const names: CommandName[] = ["etcd", "kube-apiserver", "kubectl"];
  if (controllerManager !== false) names.push("kube-controller-manager");
  if (scheduler) names.push("kube-scheduler");
  const binaries = await bringBinaries(names);
  const [api, etcd, etcdPeer] = await freePorts(3);
  const programs = new OwnPrograms();
  try {
    const controlPlane = new ControlPlane({
      directory: programs.directory,
      programs,
      binaries,
      address: "127.0.0.1",
      ports: { api: api!, etcd: etcd!, etcdPeer: etcdPeer! },
      serviceRange: "10.96.0.0/16",
      serviceAddress: "10.96.0.1",
      apiServerFlags: flags,
      ...(typeof controllerManager === "boolean" ? {} : { controllers: controllerManager }),
    });
    await controlPlane.prepare();
    await controlPlane.startEtcd();
    await controlPlane.startApiServer();
    if (controllerManager !== false) await controlPlane.startControllerManager();
    if (scheduler) await controlPlane.startScheduler();
    const address = { kubeconfigPath: controlPlane.kubeconfigPath, kubectl: binaries.kubectl, pki: `${programs.directory}/pki`, auditLogPath: controlPlane.auditLogPath };
    return new PrivateApiServer(address, controlPlane, programs);
  } catch (error) {
    await programs.close();
    throw error;
  }
}

export class PrivateApiServer extends ApiServer {
  /** For another process of the same test run. */
  readonly address: ApiServerAddress;
  /** Where etcd listens for clients. */
  readonly etcdUrl: string;
  readonly #controlPlane: ControlPlane;
  readonly #programs: OwnPrograms;

  constructor(address: ApiServerAddress, controlPlane: ControlPlane, programs: OwnPrograms) {
    super(address);
    this.address = address;
    this.etcdUrl = controlPlane.etcdUrl;
    this.#controlPlane = controlPlane;
    this.#programs = programs;
  }

  /** SIGTERM lets it finish what it was asked, SIGKILL cuts every connection at once. */
  stopApiServer(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    return this.#programs.stop("kube-apiserver", signal);
  }

  /** On the same port, over the same data. */
  startApiServer(): Promise<void> {
    return this.#controlPlane.startApiServer();
  }

  async restartApiServer(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    await this.stopApiServer(signal);
    await this.startApiServer();
  }

  stopEtcd(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    return this.#programs.stop("etcd", signal);
  }

  startEtcd(): Promise<void> {
    return this.#controlPlane.startEtcd();
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#programs.close();
  }
}
