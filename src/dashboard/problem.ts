import type { Answer, FieldError } from './api.js';
import { h, type VNode } from './render.js';
import type { Scope } from './scope.js';
import type { Word } from './words.js';

type Failed = Exclude<Answer<never>, { kind: 'ok' }>;

/** What the API says, and how the page says it; what stands in () is taken over. */
const KNOWN: readonly (readonly [RegExp, Word])[] = [
  [/^Is required(?: here)?\.$/, 'problem.required'],
  [/^Must be a public http or https URL: (\S+) is a .* address\.$/, 'problem.private'],
  [/^Must be a public http or https URL: port (\d+) is not allowed.*$/, 'problem.port'],
  [/^Must be a public http or https URL: .*$/, 'problem.url'],
  [/^Must be at most (\d+) characters long\.$/, 'problem.long'],
  [/^Must contain printable Latin-1 characters only\.$/, 'problem.latin'],
  [/^Must not begin or end with a space\.$/, 'problem.space'],
  [/^Must not contain control characters\.$/, 'problem.control'],
  [/^Must be a whole number from 1 to (\d+), or null for no limit\.$/, 'problem.rate'],
  [/^Is taken by another subscription to the same event\.$/, 'problem.taken'],
  [/^There is no such domain\.$/, 'problem.domain'],
  [/looked after in FusionPBX/, 'problem.fusionpbx'],
  [/^This delivery is being sent, or waits to be\.$/, 'problem.progress'],
  [/^The test call before is still being sent\.$/, 'problem.testing'],
  [/^At most (\d+) test calls a minute\.$/, 'problem.tests'],
  [/^This subscription is disabled/, 'problem.disabled'],
  [/is still running; there is one at a time/, 'problem.replaying'],
  [/^No webhook of yours is about such a call\.$/, 'problem.call'],
  [/^There is no such (?:subscription|delivery)/, 'problem.gone'],
];

/** A sentence of the API in the viewer's language, where it is one that the page knows; else as it is. */
export function translated(message: string, { t }: Pick<Scope, 't'>): string {
  for (const [pattern, word] of KNOWN) {
    const found = pattern.exec(message);
    if (found) return t(word, { what: found[1] ?? '' });
  }
  return message;
}

/** What went wrong and what to do about it, in one sentence or two. */
export function problemText(answer: Failed, scope: Pick<Scope, 't'>): string {
  const { t } = scope;
  switch (answer.kind) {
    case 'signed-out': return t('problem.signedOut');
    case 'unreachable': return t('problem.unreachable');
    case 'refused':
      if (answer.status === 429 && translated(answer.detail, scope) === answer.detail) return t('problem.tooMany');
      if (answer.status >= 500) return t('problem.server');
      return answer.errors.length > 0 ? t('problem.fields') : translated(answer.detail, scope);
  }
}

/** The problem in a box that is read out at once. A token that no longer works ends the session. */
export function problemBox(answer: Failed, scope: Scope): VNode {
  if (answer.kind === 'signed-out') queueMicrotask(() => scope.signedOut());
  const others = answer.kind === 'refused' ? answer.errors : [];
  return h('div', { class: 'note bad', role: 'alert' }, h('p', null, problemText(answer, scope)),
    others.length > 0 && h('ul', null, others.map(({ field, message }) => h('li', null, `${fieldName(field, scope)}: ${translated(message, scope)}`))));
}

const FIELDS: Readonly<Record<string, Word>> = {
  event: 'field.events', callback_url: 'field.url', callback_apikey: 'field.key', rate_per_second: 'field.rate', domain: 'field.domain', number: 'field.number', call_id: 'field.call', from: 'field.from', to: 'field.to', subscription: 'field.subscription',
};

const fieldName = (field: string, { t }: Pick<Scope, 't'>) => (FIELDS[field] === undefined ? field : t(FIELDS[field]));

/** What is wrong with one field; undefined where nothing is. */
export function errorOf(errors: readonly FieldError[], field: string, scope: Pick<Scope, 't'>): string | undefined {
  const message = errors.find((error) => error.field === field)?.message;
  return message === undefined ? undefined : translated(message, scope);
}
