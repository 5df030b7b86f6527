import type { Flow } from './flow.js';
import type { DetailRules } from './rules.js';

/** What picked up a call that no person did. */
export type Application = 'queue' | 'ivr' | 'voicemail' | 'fax' | 'conference' | 'application';

/** Dialplan applications of FreeSWITCH's own modules, for what no variable tells. */
const KIND_OF_APPLICATION: Readonly<Record<string, Exclude<Application, 'application'>>> = {
  voicemail: 'voicemail', rxfax: 'fax', t38_gateway: 'fax', conference: 'conference', callcenter: 'queue', fifo: 'queue', ivr: 'ivr',
};

/** Best first: where a caller ends up, rather than what he went through. */
const KINDS = ['voicemail', 'fax', 'conference', 'queue', 'ivr'] as const;

/** What answered the caller who rang in; undefined where nothing did. `application` where it cannot be told which. */
export function pickedUpBy(flow: Flow, rules: DetailRules): Application | undefined {
  const { root } = flow;
  if (!root.inbound || !root.answered) return undefined;
  const running = ['current_application', 'last_app'].map((name) => root.variables.get(name) ?? '');
  const kinds = new Set(running.flatMap((name) => (Object.hasOwn(KIND_OF_APPLICATION, name) ? KIND_OF_APPLICATION[name] : [])));
  return KINDS.find((kind) => kinds.has(kind) || rules[kind].some((name) => root.variables.has(name))) ?? 'application';
}

/** The value of the first of these variables that any leg has, the root first. */
export function valueOf(flow: Flow, names: readonly string[]): string | undefined {
  for (const name of names) {
    const leg = flow.legs.find(({ variables }) => variables.has(name));
    if (leg) return leg.variables.get(name)!;
  }
  return undefined;
}
