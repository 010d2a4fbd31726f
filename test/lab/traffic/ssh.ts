/** A real ssh server with its own host key, port and configuration, and real sessions to it. */
import { missingTools } from "../tools.ts";
import type { Station } from "../network.ts";
import { LAB_USER } from "../lab.ts";
import type { LabProcess } from "../process.ts";

/** Why ssh cannot be had here, or undefined. */
export function sshUnsupported(): string | undefined {
  return missingTools(["ssh", "sshd", "ssh-keygen"]);
}

export class SshServer {
  readonly process: LabProcess;
  readonly host: Station;
  readonly port: number;
  readonly #folder: string;

  private constructor(process: LabProcess, host: Station, port: number, folder: string) {
    this.process = process;
    this.host = host;
    this.port = port;
    this.#folder = folder;
  }

  /** sshd runs as the ordinary user `lab`, whom alone it lets in: that works as root and in a user namespace. */
  static async start(host: Station, port = 2222): Promise<SshServer> {
    const { lab } = host.namespace;
    const folder = `${lab.directory}/home/ssh-${host.namespace.name}-${port}`;
    const asUser = { asUser: true };
    await host.run(["mkdir", "-p", "-m", "700", folder], asUser);
    await host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/host`], asUser);
    await host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/user`], asUser);
    const configuration = [
      `Port ${port}`, `HostKey ${folder}/host`, `AuthorizedKeysFile ${folder}/user.pub`, "PidFile none", "UsePAM no",
      "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE",
    ].join("\n");
    await host.run(["sh", "-c", `cat >${folder}/config`], { ...asUser, input: `${configuration}\n` });
    const { stdout } = await host.run(["sh", "-c", "command -v sshd"]); // It insists on its whole path.
    const process = host.start([stdout.trim(), "-D", "-e", "-f", `${folder}/config`], asUser);
    await host.namespace.listening(port, process);
    return new SshServer(process, host, port, folder);
  }

  /**
   * Logs in from a station and returns when a shell has answered: then idle, until something is written to it.
   * Its exit says how the connection ended (255 where ssh lost it).
   */
  async session(from: Station, address = this.host.ipv4): Promise<LabProcess> {
    const ssh = from.start([
      "ssh", "-F", "none", "-i", `${this.#folder}/user`, "-p", String(this.port), "-o", "StrictHostKeyChecking=no",
      "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
      "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR", `${LAB_USER}@${address}`, "echo logged-in; exec cat",
    ], { asUser: true });
    await ssh.waitForOutput(/logged-in/);
    return ssh;
  }
}
