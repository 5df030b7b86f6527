import type { Clock } from '../clock.js';
import { ConfigError, type Config } from '../config.js';
import { createLogger } from '../log.js';
import { CertificateError, readCertificates, trusting } from '../webhook/certificates.js';
import { createConfiguredPolicy } from '../webhook/destinations.js';
import { createResolver } from '../webhook/lookup.js';
import type { Answer } from './answer.js';
import { checkApi } from './check/api.js';
import { checkDatabase } from './check/database.js';
import { failed, ok, REMEDIES, type Finding } from './check/finding.js';
import { checkDataFolder, checkTimeZone } from './check/place.js';
import { checkHosts, checkUrl, type ReceiverDeps } from './check/receivers.js';
import { checkSwitch } from './check/switch.js';
import { numberOf } from './numeric.js';
import { isColoured, painter, printable, type Output, type Style } from './terminal.js';

/** How `hookswitch check` was called. */
export interface CheckOptions { wait: string; url?: string[] }

export interface CheckDeps { config: () => Config; clock: Clock; stdout: Output; stderr: Output; env: NodeJS.ProcessEnv; json: boolean }

/**
 * Tries everything that a new installation gets wrong, side by side, each part within its own time. Nothing is changed and no webhook is
 * sent; a switch has one listener more for as long as it takes. @throws CommandError `usage`.
 */
export async function check({ wait, url: urls = [] }: CheckOptions, deps: CheckDeps): Promise<{ answer: Answer; passed: boolean }> {
  const waitMs = 1_000 * numberOf('--wait', wait, { least: 0.1, most: 3_600 });
  const findings = await findingsOf(urls, waitMs, deps);
  const passed = findings.every(({ verdict }) => verdict !== 'failed');
  const listed = findings.map(({ id, verdict, says }) => ({ id, verdict, says, ...(verdict !== 'ok' && { todo: REMEDIES[id] }) }));
  return { passed, answer: { json: { passed, findings: listed }, text: report(findings, deps) } };
}

async function findingsOf(urls: readonly string[], waitMs: number, { config: load, clock, stderr, json }: CheckDeps): Promise<Finding[]> {
  let config: Config;
  let receivers: ReceiverDeps;
  try {
    config = load();
    receivers = waysOf(config, clock);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CertificateError) return [failed('config-valid', error.message)];
    throw error;
  }
  if (!json) stderr.write(`Looking; a heartbeat of the switch may take ${waitMs / 1_000} s.\n`);
  const database = checkDatabase(config, clock, createLogger({ level: 'error', format: 'text', stream: stderr }));
  const machineZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const parts = await Promise.all([
    checkDataFolder(config),
    database.then(({ findings }) => findings),
    ...config.switches.map((to) => checkSwitch(to, config, waitMs, clock)),
    database.then(({ urls: stored }) => checkHosts(stored, receivers)),
    ...urls.map((url) => checkUrl(url, receivers)),
    checkApi(config),
  ]);
  return [ok('config-valid', 'the configuration is valid'), checkTimeZone(config, machineZone, clock.now()), ...parts.flat()];
}

/** As the daemon goes to receivers. @throws CertificateError. */
function waysOf(config: Config, clock: Clock): ReceiverDeps {
  const { caFile, dnsServers, proxyUrl, noProxy } = config.webhook;
  const policy = createConfiguredPolicy(config, config.database.url, { resolve: createResolver(), nowMs: () => clock.monotonicMs() });
  return { policy, resolve: createResolver(dnsServers), clock, proxyUrl, noProxy, ...(caFile !== '' && { secureContext: trusting(readCertificates(caFile)) }) };
}

const SIGNS: Readonly<Record<Finding['verdict'], { fancy: string; plain: string; style: Style }>> = {
  ok: { fancy: '✓', plain: 'ok  ', style: 'green' }, warning: { fancy: '!', plain: '!   ', style: 'yellow' }, failed: { fancy: '✗', plain: 'FAIL', style: 'red' },
};

/** A line for each finding; below what is not well, what to do. */
function report(findings: readonly Finding[], { stdout, env }: CheckDeps): string {
  const fancy = isColoured(stdout, env);
  const paint = painter(stdout, env);
  const lines = findings.flatMap(({ id, verdict, says }) => {
    const sign = SIGNS[verdict];
    const text = says.split('\n').map(printable).join('\n     ');
    return [`${paint(sign.style, fancy ? sign.fancy : sign.plain)} ${id.padEnd(22)} ${text}`, ...(verdict === 'ok' ? [] : [`     ${paint('bold', 'to do:')} ${REMEDIES[id]}`])];
  });
  const count = (verdict: Finding['verdict']) => findings.filter((finding) => finding.verdict === verdict).length;
  return [...lines, `${count('ok')} well, ${count('warning')} to look at, ${count('failed')} failed.`].join('\n');
}
