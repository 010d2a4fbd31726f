/** Where adversaries meet a sensor: a node with two pods and a machine outside, a policy, and connections that echo. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { Agent, bridge, Lab } from "../mod.ts";
import type { Connection, Network, Station } from "../mod.ts";
import { AMPLE_BUDGET, enforcing, MARK } from "../policies.ts";
import { SensorProcess } from "../sensor.ts";
import type { SensorSetup } from "../sensor.ts";

export { MARK };
/** Whoever says MARK is reset, at ports 9000 to 9699; at this one the client is held as well. */
export const HOLD_PORT = 9_700;
/** The arena's sensors share this mark key; a witness knows their RSTs by it. */
export const KEY = "5eed5eed0badf00d";

export const POLICIES = {
  "policy.yaml":
    enforcing("forbidden", [{ name: "text", text: MARK, ports: "9000-9699" }]) +
    enforcing("held", [{ name: "text", text: MARK, ports: String(HOLD_PORT) }], "respond: {reset: {hold: 60s}}") +
    AMPLE_BUDGET,
};

/** How the arena's sensor is started; a second one beside it may have `ownKey`. */
export function sensorSetup(lab: Lab, ownKey = false, more: readonly string[] = []): SensorSetup {
  const file = join(lab.directory, "mark.key");
  writeFileSync(file, KEY);
  return { policies: POLICIES, arguments: [...(ownKey ? [] : ["--mark-key-file", file]), ...more] };
}

export class Arena {
  readonly net: Network;
  readonly sensor: SensorProcess;
  readonly client: Agent;
  readonly server: Agent;
  readonly outside: Agent;

  private constructor(net: Network, sensor: SensorProcess, [client, server, outside]: readonly Agent[]) {
    this.net = net;
    this.sensor = sensor;
    this.client = client!;
    this.server = server!;
    this.outside = outside!;
  }

  /** On a bridge unless told; the sensor with more arguments where there are. */
  static async open(topology: (lab: Lab) => Promise<Network> = bridge, more: readonly string[] = []): Promise<Arena> {
    const net = await topology(await Lab.open(["cc"]));
    const stations: Station[] = [net.client, net.server, net.outside];
    const agents = await Promise.all(stations.map(({ namespace }) => Agent.start(namespace)));
    return new Arena(net, await SensorProcess.start(net.node, sensorSetup(net.lab, false, more)), agents);
  }

  close(): Promise<void> {
    return this.net.lab.close();
  }

  /** A connection to the server pod (or `host`) that has said hello and heard it back; `port` must echo. */
  async echoing(from: Agent, port: number, localPort?: number, host = this.net.server.ipv4): Promise<Connection> {
    const connection = await from.connect({ host, port, ...(localPort === undefined ? {} : { localPort }) });
    connection.write("hello");
    await connection.received(5);
    return connection;
  }

  /** @throws where it does not. */
  async stillEchoes(connection: Connection): Promise<void> {
    const { receivedBytes } = await connection.statistics();
    connection.write("alive?");
    await connection.received(receivedBytes + 6);
    expect(connection.end).toBeUndefined();
  }

  /** Says the forbidden text: it dies, and both ends are proved dead. */
  async attacks(connection: Connection): Promise<void> {
    connection.write(MARK);
    expect((await connection.closed).error).toBe("ECONNRESET");
    expect((await this.sensor.outcome(connection.localPort)).flowreset).toMatchObject({ outcome: "Confirmed" });
  }

  /** Decisions to reset the connection of that client port. */
  decisions(clientPort: number): number {
    return this.sensor.events.filter(({ event_type, flow }) => event_type !== "outcome" && flow.src_port === clientPort).length;
  }
}
