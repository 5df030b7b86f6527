import { latest, queryOf, type Answer } from './api.js';
import type { Delivery, Page, Subscription } from './answers.js';
import { button, empty, field, form, input, select, table, checkbox } from './controls.js';
import { EVENTS, eventName, reasonText, stateBadge } from './labels.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import { createReplaying } from './replay.js';
import { hashOf, type Route } from './route.js';
import type { Scope, View } from './scope.js';
import { throttled } from './sleep.js';

/** What is looked for, as it stands in the address. */
interface Wanted { find: string; state: string; event: string; subscription: string; domain: string }

const STATES = { all: '', waiting: 'pending,leased', delivered: 'delivered', failed: 'abandoned,expired', held: 'held' } as const;
const PERIODS_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;
const SOON_MS = 1_000;
const LIMIT = 50;

/** What was sent and what became of it: searched by number or call, sent once more by the same search. */
export function openDeliveries(scope: Scope, { query }: Route): View {
  const wanted: Wanted = { find: query['find'] ?? '', state: query['state'] ?? 'all', event: query['event'] ?? '', subscription: query['subscription'] ?? '', domain: query['domain'] ?? '' };
  let rows: readonly Delivery[] | undefined;
  let cursor: string | null = null;
  let failed: Exclude<Answer<never>, { kind: 'ok' }> | undefined;
  let busy = false;
  let subscriptions: readonly Subscription[] = [];
  let period: keyof typeof PERIODS_MS = 'day';
  let alsoDelivered = false;
  const ask = latest(scope.ask);
  const replaying = createReplaying(scope, () => void look());

  async function look(after?: string): Promise<void> {
    busy = after !== undefined;
    if (busy) scope.redraw();
    const answer = await ask<Page<Delivery>>('GET', `/v1/delivery${queryOf({ ...searchOf(wanted), limit: String(LIMIT), cursor: after })}`);
    if (answer === undefined) return;
    busy = false;
    if (answer.kind === 'ok') {
      rows = after === undefined ? answer.data.data : [...rows ?? [], ...answer.data.data];
      [cursor, failed] = [answer.data.next_cursor ?? null, undefined];
    } else failed = answer;
    scope.redraw();
  }

  async function lookForSubscriptions(): Promise<void> {
    const answer = await scope.ask<Page<Subscription>>('GET', '/v1/event?details=true&limit=500');
    if (answer.kind === 'ok') subscriptions = answer.data.data;
    scope.redraw();
  }

  /** On the spot: focus stays where it is, and the address can be kept and given to others. */
  const search = () => {
    history.replaceState(null, '', hashOf('deliveries', '', { ...wanted, state: wanted.state === 'all' ? '' : wanted.state }));
    scope.redraw();
    void look();
  };
  const soon = throttled(() => { if (!busy && (rows?.length ?? 0) <= LIMIT) void look(); }, SOON_MS, scope.left);
  const begin = () => void replaying.begin({
    ...replayOf(wanted), ...(scope.isAdmin && { domain: wanted.domain }), from: new Date(Date.now() - PERIODS_MS[period]).toISOString(),
    states: ['held', 'abandoned', 'expired', ...(alsoDelivered ? ['delivered'] : [])],
  });

  void look();
  void lookForSubscriptions();
  return {
    title: () => scope.t('page.deliveries'),
    onLine: ({ kind }) => { if (kind === 'delivery') soon(); },
    render: () => [
      searchForm(wanted, subscriptions, search, scope),
      replayCard({ scope, wanted, period, alsoDelivered, setPeriod: (value) => { period = value; scope.redraw(); }, setAlso: (value) => { alsoDelivered = value; scope.redraw(); }, begin, progress: replaying.render(), running: replaying.isRunning() }),
      failed !== undefined && problemBox(failed, scope),
      h('section', { class: 'card', 'aria-labelledby': 'list' }, h('h2', { id: 'list' }, scope.t('deliveries.list')), h('p', { class: 'hint', role: 'status' }, rows === undefined || rows.length === 0 ? '' : scope.t('deliveries.shown', { count: scope.format.number(rows.length) })), list(rows, wanted, scope),
        cursor !== null && button(scope.t('more'), () => void look(cursor!), { busy })),
    ],
  };
}

/** A number is digits, perhaps with a plus and with what people put between them; all else is a call's id. */
export function searchOf({ find, state, event, subscription, domain }: Wanted): Record<string, string | undefined> {
  const text = find.trim();
  const number = text.replace(/[\s().-]/g, '');
  const isNumber = /^[+*#]?\d{1,20}$/.test(number);
  return {
    number: isNumber ? number : undefined, call_id: isNumber ? undefined : text, state: STATES[state as keyof typeof STATES] ?? '', event, subscription, domain,
  };
}

function replayOf(wanted: Wanted): Record<string, string> {
  const { number, call_id: call, subscription } = searchOf(wanted);
  return Object.fromEntries(Object.entries({ number, call_id: call, subscription }).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
}

function searchForm(wanted: Wanted, subscriptions: readonly Subscription[], search: () => void, scope: Scope): Child {
  const { t, isAdmin } = scope;
  const pick = (name: keyof Wanted) => (value: string) => { wanted[name] = value; search(); };
  const named = subscriptions.map((one) => [one.event_domain_uuid, `${isAdmin ? `${one.domain_name}: ` : ''}${eventName(one.event_name, scope)} → ${one.callback_url}`] as const);
  return form({ class: 'card search', role: 'search', 'aria-label': t('deliveries.search') }, search,
    field({ id: 'find', label: t('deliveries.find'), hint: t('deliveries.findHint') }, (props) => input({ ...props, type: 'search' }, wanted.find, (value) => { wanted.find = value; })),
    field({ id: 'state', label: t('head.state') }, (props) => select(props, wanted.state, (Object.keys(STATES) as (keyof typeof STATES)[]).map((key) => [key, t(`deliveries.${key}`)]), pick('state'))),
    field({ id: 'event', label: t('head.event') }, (props) => select(props, wanted.event, [['', t('deliveries.anyEvent')], ...EVENTS.map((name) => [name, eventName(name, scope)] as const)], pick('event'))),
    field({ id: 'subscription', label: t('field.subscription') }, (props) => select(props, wanted.subscription, [['', t('deliveries.anySubscription')], ...named], pick('subscription'))),
    isAdmin && field({ id: 'domain', label: t('field.domain') }, (props) => input(props, wanted.domain, (value) => { wanted.domain = value; })),
    button(t('deliveries.go'), () => {}, { kind: 'main', type: 'submit' }));
}

interface ReplayCard {
  scope: Scope; wanted: Wanted; period: keyof typeof PERIODS_MS; alsoDelivered: boolean; progress: Child; running: boolean;
  setPeriod: (period: keyof typeof PERIODS_MS) => void; setAlso: (also: boolean) => void; begin: () => void;
}

function replayCard({ scope: { t, isAdmin }, wanted, period, alsoDelivered, progress, running, setPeriod, setAlso, begin }: ReplayCard): Child {
  const lacksDomain = isAdmin && wanted.domain === '';
  return h('details', { class: 'card' }, h('summary', null, t('replay.title')),
    h('p', null, t('replay.what')),
    lacksDomain && h('p', { class: 'note' }, t('replay.whose')),
    form({ class: 'line' }, () => { if (!running && !lacksDomain) begin(); },
      field({ id: 'period', label: t('replay.period') }, (props) => select(props, period, [['hour', t('replay.hour')], ['day', t('replay.day')], ['week', t('replay.week')]], (value) => setPeriod(value as keyof typeof PERIODS_MS))),
      checkbox('also', t('replay.also'), alsoDelivered, setAlso),
      button(t('replay.begin'), () => {}, { kind: 'main', type: 'submit', busy: running || lacksDomain })),
    progress);
}

function list(rows: readonly Delivery[] | undefined, wanted: Wanted, scope: Scope): Child {
  const { t, format } = scope;
  if (rows === undefined) return h('p', { role: 'status' }, t('loading'));
  const isFiltered = wanted.find !== '' || wanted.state !== 'all' || wanted.event !== '' || wanted.subscription !== '' || wanted.domain !== '';
  if (rows.length === 0) {
    return isFiltered ? empty(t('deliveries.noneFound'), t('deliveries.noneFoundNote'), h('a', { href: hashOf('deliveries') }, t('deliveries.showAll')))
      : empty(t('deliveries.none'), t('deliveries.noneNote'), h('a', { href: hashOf('subscriptions') }, t('deliveries.toSubscriptions')));
  }
  return table(t('deliveries.list'), [t('head.time'), t('head.event'), t('head.call'), t('head.url'), t('head.state'), t('head.reason')], rows.map((one) => ({
    key: one.delivery_id,
    cells: [
      format.moment(one.occurred_at), [eventName(one.event, scope), one.synthetic === 'test' && [' ', h('span', { class: 'badge off' }, t('deliveries.test'))]], h('a', { href: hashOf('call', one.flow_id) }, t('call.fromTo', { from: one.from_number, to: one.to_number })),
      h('code', null, one.callback_url), stateBadge(one.state, scope), one.attempts === 0 ? t('call.noAttempt') : reasonText({ status: one.last_status, reason: one.last_reason }, scope),
    ],
  })));
}
