import { isIP } from 'node:net';
import type { Clock } from '../../clock.js';
import { codeOf } from '../../db/pool.js';
import { AddressRefused, resolveAllowed } from '../../webhook/lookup.js';
import { probeUrl, type UrlProbe, type UrlProbeDeps } from '../../webhook/probe.js';
import { eachAtMost, within } from './bounded.js';
import { failed, ok, warning, type Finding } from './finding.js';

/** The ways of the daemon. */
export interface ReceiverDeps extends Omit<UrlProbeDeps, 'timeoutMs'> { clock: Clock }

const MOST_HOSTS = 50;
const HOSTS_AT_ONCE = 8;
const NAME_MS = 2_000;
const URL_MS = 10_000;
const SOON_MS = 14 * 86_400_000;

/** Reserved for such use (RFC 2606); asked where nobody has named a name yet. */
const ANY_NAME = 'example.com';

/** The hosts of the subscriptions, those that do not resolve by name; and whether names resolve at all. */
export async function checkHosts(urls: readonly string[], deps: ReceiverDeps): Promise<Finding[]> {
  const hosts = [...new Set(urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : [])))].filter((host) => isIP(host.replace(/^\[|\]$/g, '')) === 0);
  const asked = hosts.slice(0, MOST_HOSTS);
  const problems = (await eachAtMost(asked, HOSTS_AT_ONCE, async (host) => ({ host, problem: await problemOf(host, deps) }))).filter(({ problem }) => problem !== undefined);
  const anyWorks = asked.length > problems.length || await problemOf(ANY_NAME, deps) === undefined;
  const dns = anyWorks ? ok('dns-resolve', 'names are resolved') : warning('dns-resolve', `no name was resolved within ${NAME_MS / 1_000} s, ${ANY_NAME} neither`);
  if (hosts.length === 0) return [dns];
  const many = hosts.length > MOST_HOSTS ? ` (the first ${MOST_HOSTS} of ${hosts.length})` : '';
  if (problems.length === 0) return [dns, ok('subscriptions-hosts', `the hosts of all subscriptions are found: ${asked.length}${many}`)];
  return [dns, warning('subscriptions-hosts', `${problems.length} of ${asked.length} hosts of subscriptions${many}: ${problems.map(({ host, problem }) => `${host} (${problem})`).join(', ')}`)];
}

/** Why nothing can be sent to a host; undefined where something can. */
async function problemOf(host: string, { policy, resolve, clock }: ReceiverDeps): Promise<string | undefined> {
  const answer = resolveAllowed(host, policy, resolve).then(() => 'found', (error: unknown) => (error instanceof AddressRefused ? error.message : codeOf(error)));
  const problem = await within(answer, NAME_MS, clock) ?? 'no answer';
  return problem === 'found' ? undefined : problem;
}

/** One URL, as a webhook would meet it. It is asked for nothing but its headers, once. */
export async function checkUrl(url: string, { clock, ...ways }: ReceiverDeps): Promise<Finding[]> {
  const probe = await probeUrl(url, { ...ways, timeoutMs: URL_MS });
  return judgeUrl(url, probe, clock.now());
}

/** What a probe means for the webhooks that would go to this URL, step by step. */
export function judgeUrl(url: string, probe: UrlProbe, now: Date): Finding[] {
  if (probe.refused !== undefined) return [failed('url-allowed', `${url}: no webhook may go there: ${probe.refused}`)];
  const allowed = ok('url-allowed', `${url}: webhooks may go there`);
  if (probe.dnsFailure !== undefined) return [allowed, failed('url-dns', `${url}: its name is not resolved: ${probe.dnsFailure}`)];
  const named = probe.addresses === undefined ? [allowed] : [allowed, ok('url-dns', `${url}: its name is ${probe.addresses.join(', ')}`)];
  if (probe.connectFailure !== undefined) return [...named, failed('url-reach', `${url}: cannot be connected to${probe.viaProxy ? ' through the proxy' : ''}: ${probe.connectFailure}`)];
  const reached = [...named, ok('url-reach', `${url}: connected to ${probe.viaProxy ? 'the proxy' : probe.connectedTo}`)];
  if (probe.tlsFailure !== undefined) return [...reached, failed('url-tls', `${url}: its certificate is not trusted: ${probe.tlsFailure}`)];
  return [...reached, ...judgeCertificate(url, probe.certificateUntil, now), judgeAnswer(url, probe)];
}

function judgeCertificate(url: string, until: Date | undefined, now: Date): Finding[] {
  if (until === undefined) return [url.toLowerCase().startsWith('https:') ? ok('url-tls', `${url}: its certificate is trusted`) : warning('url-tls', `${url}: no TLS; the receiver's key and the calls are for everybody on the way to read`)];
  const soon = until.getTime() - now.getTime() < SOON_MS;
  return [(soon ? warning : ok)('url-tls', `${url}: its certificate is trusted, until ${until.toISOString().slice(0, 10)}`)];
}

// A HEAD is not what a receiver is made for; these say no more than that.
const NO_HEAD: ReadonlySet<number> = new Set([400, 401, 403, 405, 411, 415, 422, 501]);

function judgeAnswer(url: string, { status, answerFailure }: UrlProbe): Finding {
  if (status === undefined) return failed('url-answer', `${url}: no HTTP answer: ${answerFailure}`);
  if (status >= 200 && status < 300) return ok('url-answer', `${url}: answers a HEAD with ${status}`);
  if (NO_HEAD.has(status)) return ok('url-answer', `${url}: answers a HEAD with ${status}, as many do that take only a POST with their key`);
  if (status >= 300 && status < 400) return failed('url-answer', `${url}: redirects (${status}); a webhook is not redirected and would fail`);
  return warning('url-answer', `${url}: answers a HEAD with ${status}; a webhook that meets this is repeated and at last given up`);
}
