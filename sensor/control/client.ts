/**
 * The command line's end of the local socket. undici is loaded at the first call: the sensor, which enters by the
 * same door, must not pay its memory.
 */
import type { Agent, Dispatcher } from "undici";
import { jsonLines } from "./jsonLines.ts";
import type { FlowLine, FlowQuery, ResetLine, ResetSpec, SensorStatus } from "./protocol.ts";
import { RequestError } from "./protocol.ts";

const ANSWER_TIMEOUT_MS = 10_000;
const MAX_ERROR_BYTES = 65_536;

/** Nobody listens there. */
export class NoSensor extends Error {
  readonly path: string;

  constructor(path: string, cause: unknown) {
    super(`No sensor runs at ${path}`, { cause });
    this.name = "NoSensor";
    this.path = path;
  }
}

export class ControlClient {
  readonly #path: string;
  #agent: Agent | undefined;

  constructor(socketPath: string) {
    this.#path = socketPath;
  }

  /** Every call rejects with NoSensor, with RequestError (the sensor refused), or with the socket's own error. */
  async status(): Promise<SensorStatus> {
    return (await (await this.#call("GET", "/v1/status")).json()) as SensorStatus;
  }

  async *flows(query: Partial<FlowQuery> = {}): AsyncIterable<FlowLine> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    yield* jsonLines(await this.#call("GET", `/v1/flows?${parameters}`)) as AsyncIterable<FlowLine>;
  }

  /** Lines as they become known; without an end other than `done` the sensor died on the way. */
  async *reset(spec: ResetSpec): AsyncIterable<ResetLine> {
    yield* jsonLines(await this.#call("POST", "/v1/reset", spec)) as AsyncIterable<ResetLine>;
  }

  async stop(): Promise<void> {
    await (await this.#call("POST", "/v1/stop", {})).dump();
  }

  async start(): Promise<void> {
    await (await this.#call("POST", "/v1/start", {})).dump();
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }

  async #call(method: "GET" | "POST", path: string, body?: unknown): Promise<Dispatcher.ResponseData["body"]> {
    const { Agent } = await import("undici");
    this.#agent ??= new Agent({ connect: { socketPath: this.#path, timeout: ANSWER_TIMEOUT_MS }, bodyTimeout: 0 });
    let response: Dispatcher.ResponseData;
    try {
      response = await this.#agent.request({
        origin: "http://sensor",
        method,
        path,
        // A reset's first line comes when the flows are found, which may take a probe's time.
        headersTimeout: ANSWER_TIMEOUT_MS * 6,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ECONNREFUSED") throw new NoSensor(this.#path, error);
      throw error;
    }
    if (response.statusCode === 200) return response.body;
    throw new RequestError(response.statusCode, await errorText(response.body));
  }
}

async function errorText(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const text = (await body.text()).slice(0, MAX_ERROR_BYTES);
  try {
    return String((JSON.parse(text) as { error?: unknown }).error);
  } catch {
    return text.trim();
  }
}
