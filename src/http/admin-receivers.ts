import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { StoredReceiver } from '../db/receiver-list.js';
import { isUuid } from '../db/uuid.js';
import { urlKey } from '../webhook/identity.js';
import type { HistoryStore } from './history-store.js';
import { pageAnswer, parsePage } from './page.js';
import { invalid } from './problem.js';
import { isClean } from './query.js';

/** What this daemon knows of a URL that is not plainly well. */
export interface Breaker {
  readonly urlKey: string;
  /** `closed`: it is sent to; `open`: it is left alone; `probing`: one POST finds out whether it is back. */
  readonly state: 'closed' | 'open' | 'probing';
  /** In a row. */
  readonly failures: number;
  /** In how many milliseconds the next probe may begin; null unless `open`. */
  readonly nextProbeMs: number | null;
}

export interface AdminReceiverDeps {
  history: Pick<HistoryStore, 'listReceivers' | 'countWaitingFor'>;
  /** Those that this daemon does not find plainly well. */
  breakers: () => readonly Breaker[];
}

const MAX_URL_LENGTH = 2_048;
/** Past it, how many deliveries wait is not counted any more. */
const MOST_COUNTED = 1_000;

const WELL = { state: 'closed', failures: 0, nextProbeMs: null } as const;

/** `GET /v1/admin/receiver`: where webhooks go, and how it does there, for an admin. What the breaker says is this daemon's own view. */
export function registerAdminReceivers(app: FastifyInstance, deps: AdminReceiverDeps): void {
  app.get('/v1/admin/receiver', (request, reply) => list(request, reply, deps));
}

async function list(request: FastifyRequest, reply: FastifyReply, { history, breakers }: AdminReceiverDeps): Promise<unknown> {
  const parsed = parsePage(request.query, [isUuid, (url) => url.length <= MAX_URL_LENGTH && isClean(url)]);
  const { failing = 'false' } = request.query as { failing?: unknown };
  const errors = parsed.kind === 'invalid' ? parsed.errors : [];
  if (failing !== 'true' && failing !== 'false') errors.push({ field: 'failing', message: 'Must be true or false.' });
  if (parsed.kind === 'invalid' || errors.length > 0) return invalid(reply, errors);

  const { page } = parsed;
  const after = page.after === undefined ? undefined : { domainId: page.after[0]!, url: page.after[1]! };
  const rows = await history.listReceivers(page.limit + 1, { failing: failing === 'true', ...(after && { after }) });
  const keyed = rows.map((row) => ({ ...row, urlKey: urlKey(row.url) }));
  const waiting = await history.countWaitingFor(keyed, MOST_COUNTED);
  const byUrl = new Map(breakers().map((breaker) => [breaker.urlKey, breaker]));
  const shown = keyed.map((row, index) => ({ row, waiting: waiting[index]!, breaker: byUrl.get(row.urlKey) ?? WELL }));
  return pageAnswer(shown, page, ({ row }) => [row.domainId, row.url], toJson);
}

function toJson({ row, waiting, breaker }: { row: StoredReceiver; waiting: number; breaker: Omit<Breaker, 'urlKey'> }) {
  return {
    domain_uuid: row.domainId, domain_name: row.domainName, callback_url: row.url, failing_since: row.failingSince, last_failure: row.lastFailure, waiting,
    breaker: breaker.state, failures: breaker.failures, next_probe_ms: breaker.nextProbeMs === null ? null : Math.round(breaker.nextProbeMs),
  };
}
