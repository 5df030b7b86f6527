import { printable, type Paint, type Style } from './terminal.js';

type Data = Readonly<Record<string, unknown>>;

const STATES: Readonly<Record<string, Style>> = { ringing: 'yellow', answered: 'green', hangup: 'magenta', cdr: 'cyan' };
const OUTCOMES: Readonly<Record<string, Style>> = { delivered: 'green', retry: 'yellow', abandoned: 'red', expired: 'red' };

/** One line of `hookswitch tail`, for people: when, what kind, and what is worth knowing of it. */
export function tailLine(event: string, data: Data, paint: Paint): string {
  if (event === 'dropped') return paint('red', `-- ${text(data, 'lines')} lines were lost: this reader is too slow`);
  const at = text(data, 'at').slice(11, 23).padEnd(12);
  return `${paint('gray', at)} ${body(event, data, paint)}`;
}

function body(event: string, data: Data, paint: Paint): string {
  const get = (name: string) => text(data, name);
  switch (event) {
    case 'event': return paint('gray', words(['event', get('switch'), get('event'), get('subclass'), short(get('uuid')), arrow(get('from_number'), get('to_number')), get('domain'), get('cause')]));
    case 'notice': return words([
      'notice', get('domain'), paint(STATES[get('state')] ?? 'white', get('state').padEnd(8)), get('direction'), arrow(get('from_number'), get('to_number')),
      get('status'), `call ${get('call_id')}`, get('synthetic') && `(${get('synthetic')})`, `to ${get('deliveries') || '0'}`,
    ]);
    case 'delivery': return words([
      'delivery', get('domain'), get('event').padEnd(8), paint(OUTCOMES[get('outcome')] ?? 'white', get('outcome')), get('status') || get('reason'), `${get('ms')} ms`, `attempt ${get('attempt')}`,
      get('url'), `call ${get('call_id')}`,
    ]);
    default: return words([event, printable(JSON.stringify(data))]);
  }
}

function text(data: Data, name: string): string {
  const value = data[name];
  return typeof value === 'string' || typeof value === 'number' ? printable(String(value)) : '';
}

const words = (parts: readonly string[]) => parts.filter((part) => part !== '').join('  ');

const arrow = (from: string, to: string) => (from === '' && to === '' ? '' : `${from || '?'} > ${to || '?'}`);

/** Enough to tell legs apart by eye; `--json` has all of it. */
const short = (uuid: string) => uuid.slice(0, 8);
