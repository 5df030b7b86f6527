import { createServer } from 'node:net';
import type { Config } from '../../config.js';
import { codeOf } from '../../db/pool.js';
import { failed, ok, warning, type Finding } from './finding.js';

const DEADLINE_MS = 5_000;

/** Whether the API's port is free, or a daemon of ours has it; and whether that one is ready. */
export async function checkApi({ http }: Config): Promise<Finding[]> {
  const { port } = http;
  if (port === 0) return [ok('api-port', 'any free port is taken')];
  const base = apiAddress(http);
  const ready = await askReadiness(`${base}/readyz`);
  if (ready !== undefined) return [ok('api-port', `a daemon is running and serves ${base}`), judgeReadiness(ready)];
  const refusal = await tryListen(http.host, port);
  if (refusal === undefined) return [ok('api-port', `${http.host}:${port} is free, and no daemon is running there`)];
  return [failed('api-port', refusal === 'EADDRINUSE' ? `${http.host}:${port} is taken by something that is no daemon of ours` : `${http.host}:${port} cannot be listened on: ${refusal}`)];
}

/** Where a program on this machine reaches the API. */
export function apiAddress({ host, port }: { host: string; port: number }): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

interface Readiness { ready: boolean; checks: Record<string, { ready: boolean }> }

function judgeReadiness({ ready, checks }: Readiness): Finding {
  const missing = Object.entries(checks).filter(([, check]) => !check.ready).map(([name]) => name);
  return ready ? ok('daemon-ready', 'the running daemon is ready') : warning('daemon-ready', `the running daemon is not ready: ${missing.join(', ')}`);
}

/** What /readyz says; undefined where nobody answers, or somebody else. */
async function askReadiness(url: string): Promise<Readiness | undefined> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(DEADLINE_MS) });
    const body = await answer.json() as Partial<Readiness> | null;
    return typeof body?.ready === 'boolean' && typeof body.checks === 'object' ? body as Readiness : undefined;
  } catch {
    return undefined; // whether the port is free is found out by listening on it
  }
}

/** Takes the port and gives it back at once. */
function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => { server.close(() => resolve(undefined)); });
  });
}
