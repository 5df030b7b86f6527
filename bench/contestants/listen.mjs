// The way in that every contestant but the daemon shares: modesl, and the daemon's own understanding of calls, so that all of
// them owe the same webhooks and nothing but what comes after is compared.
import esl from 'modesl';
import { Calls } from '../../dist/calls/calls.js';
import { systemClock } from '../../dist/clock.js';
import { loadConfig } from '../../dist/config.js';
import { callRules } from '../../dist/call-rules.js';
import { EVENTS } from '../../dist/esl/link.js';

/** How finely what falls due without an event is looked at. */
const TICK_MS = 50;

/** Logs in to the switch, and hands each webhook of a tenant to `take`, as `{ id, url, payload }`. */
export function listen({ port, password, tenants, receiver }, take) {
  const calls = new Calls({
    switchName: 'switch', rules: callRules(loadConfig({ env: {} })), tenantOf: (name) => (tenants.has(name) ? name : undefined), unattributed() {}, dropped() {},
  });
  const tell = (notices) => {
    calls.takeKept();
    for (const { domain, payload } of notices) take({ id: `${payload.call_id} ${payload.state}`, url: `http://127.0.0.1:${receiver}/${domain}`, payload });
  };
  const connection = new esl.Connection('127.0.0.1', port, password, () => {
    connection.events('json', EVENTS.filter((name) => name !== 'CUSTOM'), () => {});
  });
  connection.on('esl::event::**', (event) => { if (event?.headers) tell(calls.accept(eventOf(event))); });
  setInterval(() => { tell(calls.tick(systemClock.monotonicMs())); }, TICK_MS);
}

/** modesl keeps headers as a list; looked up one by one it would be gone through a hundred times an event. */
function eventOf({ headers }) {
  const record = {};
  for (const { name, value } of headers) record[name] = value;
  const get = (header) => { const value = record[header]; return Array.isArray(value) ? value[0] : value; };
  return {
    switchName: 'switch', name: get('Event-Name') ?? '', subclass: get('Event-Subclass') ?? '', coreId: get('Core-UUID') ?? '', get,
    sequence: Number(get('Event-Sequence')), timestampUs: Number(get('Event-Date-Timestamp')), receivedAtMs: systemClock.monotonicMs(),
  };
}
