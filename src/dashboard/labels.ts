import type { DeliveryState } from './answers.js';
import { badge } from './controls.js';
import type { VNode } from './render.js';
import type { Scope } from './scope.js';
import type { Word } from './words.js';

/** What can be subscribed to, in the order of a call. */
export const EVENTS = ['ringing', 'answered', 'hangup', 'cdr', 'missed', 'recording'] as const;

const KINDS = { delivered: 'good', pending: 'wait', leased: 'wait', held: 'off', abandoned: 'bad', expired: 'bad' } as const;

/** The state of a delivery, in words and a colour. */
export const stateBadge = (state: DeliveryState, { t }: Pick<Scope, 't'>): VNode => badge(KINDS[state], t(`state.${state}`));

const isEvent = (name: string): name is (typeof EVENTS)[number] => (EVENTS as readonly string[]).includes(name);

/** An event in words; a name that nobody knows as it is. */
export const eventName = (name: string, { t }: Pick<Scope, 't'>): string => (isEvent(name) ? t(`event.${name}`) : name);

const OUTCOMES: Readonly<Record<string, Word>> = { delivered: 'outcome.delivered', retry: 'outcome.retry', abandoned: 'outcome.abandoned', disabled: 'outcome.disabled', expired: 'outcome.expired' };

/** What came of an attempt, in words. */
export const outcomeName = (name: string, { t }: Pick<Scope, 't'>): string => (OUTCOMES[name] === undefined ? name : t(OUTCOMES[name]));

const REASONS: Readonly<Record<string, Word>> = {
  ECONNREFUSED: 'reason.refused', ECONNRESET: 'reason.reset', ENOTFOUND: 'reason.name', EAI_AGAIN: 'reason.name', ETIMEDOUT: 'reason.timeout', TIMEOUT: 'reason.timeout', unsubscribed: 'reason.unsubscribed',
};

/** Why an attempt failed, for people who know no status codes: what the receiver answered and what that means. */
export function reasonText({ status: told, reason }: { status: number | null; reason: string | null }, { t }: Pick<Scope, 't'>): string {
  const status = told ?? (reason === null ? null : statusIn(reason));
  if (reason !== null && REASONS[reason] !== undefined) return t(REASONS[reason]);
  if (status === null) return reason ?? '';
  if (status >= 200 && status < 300) return t('reason.ok', { status });
  if (status === 401 || status === 403) return t('reason.key', { status });
  if (status === 404) return t('reason.path', { status });
  if (status === 410) return t('reason.gone', { status });
  if (status === 429) return t('reason.busy', { status });
  return t(status >= 500 ? 'reason.broken' : 'reason.other', { status });
}

/** Where only the reason is kept: `status 503`. */
function statusIn(reason: string): number | null {
  const found = /^status (\d{3})$/.exec(reason);
  return found ? Number(found[1]) : null;
}
