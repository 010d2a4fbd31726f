// `helm test`: some operator leads, tells sensors where it is with a certificate that they can check, and takes no
// report from somebody without a token.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const folder = process.env.REPORT_STREAM ?? "/etc/report-stream";
const told = (key) => readFileSync(`${folder}/${key}`, "utf8").trim();
const url = new URL("/v1/reports", told("url"));
const posted = request(url, { method: "POST", ca: told("ca"), servername: told("serverName"), timeout: 10_000 }, (answer) => {
  const isShut = answer.statusCode === 401;
  console.log(`${url} as ${told("serverName")}: ${answer.statusCode}, expected 401 for a report without a token`);
  process.exit(isShut ? 0 : 1);
});
posted.on("timeout", () => posted.destroy(new Error("no answer within 10 s")));
posted.on("error", (error) => {
  console.error(`Cannot reach the operator at ${url}: ${error.message}`);
  process.exit(1);
});
posted.end("{}");
