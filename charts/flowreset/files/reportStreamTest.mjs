// `helm test`: some operator leads, tells sensors where it is with a certificate that they can check, and takes no
// report from somebody without a token. A replica that does not lead names the one that does, as it does to sensors.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const folder = process.env.REPORT_STREAM ?? "/etc/report-stream";
const told = (key) => readFileSync(`${folder}/${key}`, "utf8").trim();
const REDIRECTS = 2;

function post(url, redirects) {
  const posted = request(url, { method: "POST", ca: told("ca"), servername: told("serverName"), timeout: 10_000 }, (answer) => {
    const { statusCode, headers } = answer;
    answer.resume();
    console.log(`${url} as ${told("serverName")}: ${statusCode}, expected 401 for a report without a token, or 307 to the replica that leads`);
    if (statusCode === 307 && headers.location?.startsWith("https:") && redirects > 0) return post(new URL(headers.location), redirects - 1);
    process.exit(statusCode === 401 ? 0 : 1);
  });
  posted.on("timeout", () => posted.destroy(new Error("no answer within 10 s")));
  posted.on("error", (error) => {
    console.error(`Cannot reach the operator at ${url}: ${error.message}`);
    process.exit(1);
  });
  posted.end("{}");
}

post(new URL("/v1/reports", told("url")), REDIRECTS);
