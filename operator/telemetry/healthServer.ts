/** GET /healthz and /readyz, plain HTTP for the kubelet. */
import { listen, type OpenServer } from "./listen.ts";

export interface HealthAnswers {
  /** Undefined when all is well, else what is not. */
  health(): string | undefined;
  readiness(): string | undefined;
}

/** Rejects when the address cannot be bound. */
export function startHealthServer(address: { host: string; port: number }, { health, readiness }: HealthAnswers): Promise<OpenServer> {
  return listen("health", address, "http", (request, response) => {
    request.resume();
    const path = (request.url ?? "").split("?", 1)[0];
    const answers = path === "/healthz" ? health : path === "/readyz" ? readiness : undefined;
    const trouble = answers?.();
    response.writeHead(answers === undefined ? 404 : trouble === undefined ? 200 : 503, { "content-type": "text/plain; charset=utf-8" });
    response.end(`${answers === undefined ? "try /healthz or /readyz" : (trouble ?? "ok")}\n`);
  });
}
