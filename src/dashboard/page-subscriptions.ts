import { latest, type Answer } from './api.js';
import type { Page, Subscription } from './answers.js';
import { button, empty } from './controls.js';
import { problemBox } from './problem.js';
import { h, type Child } from './render.js';
import type { Scope, View } from './scope.js';
import { createSubscriptionCard, type SubscriptionCard } from './subscription-card.js';
import { createSubscriptionForm } from './subscription-form.js';

/** Where webhooks go: a tenant's own subscriptions, or for the operator everybody's. */
export function openSubscriptions(scope: Scope): View {
  const cards = new Map<string, SubscriptionCard>();
  let rows: readonly Subscription[] | undefined;
  let cursor: string | null = null;
  let failed: Exclude<Answer<never>, { kind: 'ok' }> | undefined;
  const ask = latest(scope.ask);
  let adding: (() => Child) | undefined;

  async function look(after?: string): Promise<void> {
    const answer = await ask<Page<Subscription>>('GET', `/v1/event?details=true&limit=100${after === undefined ? '' : `&cursor=${after}`}`);
    if (answer === undefined) return;
    if (answer.kind === 'ok') {
      rows = after === undefined ? answer.data.data : [...rows ?? [], ...answer.data.data];
      [cursor, failed] = [answer.data.next_cursor ?? null, undefined];
    } else failed = answer;
    scope.redraw();
  }

  function cardOf(subscription: Subscription): SubscriptionCard {
    const known = cards.get(subscription.event_domain_uuid) ?? createSubscriptionCard(scope, subscription.event_domain_uuid, () => look());
    cards.set(subscription.event_domain_uuid, known);
    return known;
  }

  function add(): void {
    adding = createSubscriptionForm({
      scope,
      done: (said) => { adding = undefined; scope.say(said); void look(); focusOn('add'); },
      cancel: () => { adding = undefined; scope.redraw(); focusOn('add'); },
    });
    scope.redraw();
    focusOn(scope.isAdmin ? 'new-domain' : 'new-url');
  }

  void look();
  return {
    title: () => scope.t('page.subscriptions'),
    render() {
      const { t } = scope;
      return [
        h('p', { class: 'lead' }, t(scope.isAdmin ? 'subscriptions.whatAll' : 'subscriptions.what')),
        failed !== undefined && problemBox(failed, scope),
        adding === undefined ? button(t('form.add'), add, { kind: 'main', id: 'add', key: 'add' }) : h('section', { class: 'card', key: 'form' }, adding()),
        rows === undefined ? failed === undefined && h('p', { role: 'status' }, t('loading')) : rows.length === 0 ? empty(t('subscriptions.none'), t('subscriptions.noneNote'))
          : h('ul', { class: 'cards' }, rows.map((one) => h('li', { key: one.event_domain_uuid, class: 'card' }, cardOf(one).render(one)))),
        cursor !== null && button(t('more'), () => void look(cursor!)),
      ];
    },
  };
}

/** After the page has been drawn. */
function focusOn(id: string): void {
  requestAnimationFrame(() => { requestAnimationFrame(() => { document.getElementById(id)?.focus(); }); });
}
