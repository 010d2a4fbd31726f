/** A real PostgreSQL in a fresh folder, and psql sessions to it. */
import { missingTools } from "../tools.ts";
import type { Station } from "../network.ts";
import type { LabProcess } from "../process.ts";

/** Why PostgreSQL cannot be had here, or undefined. */
export function postgresUnsupported(): string | undefined {
  return missingTools(["initdb", "postgres", "psql"]);
}

export class PostgresServer {
  readonly process: LabProcess;
  readonly host: Station;
  readonly port: number;

  private constructor(process: LabProcess, host: Station, port: number) {
    this.process = process;
    this.host = host;
    this.port = port;
  }

  /** Runs as the ordinary user `lab`: PostgreSQL refuses to be root. Trusts every address of the lab. */
  static async start(host: Station, port = 5432): Promise<PostgresServer> {
    const data = `${host.namespace.lab.directory}/home/postgres-${host.namespace.name}-${port}`;
    await host.run(["initdb", "--no-sync", "--auth=trust", "--username=lab", "--no-locale", "-D", data], { asUser: true });
    await host.run(["sh", "-c", `printf 'host all all 0.0.0.0/0 trust\\nhost all all ::/0 trust\\n' >>${data}/pg_hba.conf`], { asUser: true });
    const process = host.start(
      ["postgres", "-D", data, "-p", String(port), "-c", "listen_addresses=*", "-c", "fsync=off", "-c", `unix_socket_directories=${data}`],
      { asUser: true },
    );
    await process.waitForOutput(/ready to accept connections/, 30_000);
    return new PostgresServer(process, host, port);
  }

  /** Runs one statement from a station and returns what psql prints, unaligned. @throws with psql's words. */
  async query(from: Station, statement: string, address = this.host.ipv4): Promise<string> {
    return (await from.run(this.#psql(address, ["-c", statement]))).stdout.trim();
  }

  /** A session that has answered once and then idles; write SQL lines to it. */
  async session(from: Station, address = this.host.ipv4): Promise<LabProcess> {
    const psql = from.start(this.#psql(address, []));
    psql.write("select 'logged' || '-in';\n");
    await psql.waitForOutput(/logged-in/);
    return psql;
  }

  #psql(address: string, extra: readonly string[]): string[] {
    return ["psql", "-X", "-A", "-t", "-q", "-h", address, "-p", String(this.port), "-U", "lab", "-d", "postgres", ...extra];
  }
}
