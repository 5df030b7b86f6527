import { readFileSync } from 'node:fs';
import addFormats from 'ajv-formats';
import Ajv2020, { type AnySchemaObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Notice } from '../../src/calls/notice.js';
import { promise } from '../../src/ingest/promise.js';
import type { Subscription } from '../../src/subscriptions/subscription.js';
import { withSequence } from '../../src/webhook/envelope.js';
import { eventsOf, EVERYTHING, goldensOf, LOAD, play, recordedCalls, RULES } from '../support/goldens.js';
import { Script } from '../support/script.js';
import { signing } from '../support/signing.js';

const schemaOf = (version: 'v1' | 'v2') => JSON.parse(readFileSync(new URL(`../../schemas/webhook-${version}.json`, import.meta.url), 'utf8')) as AnySchemaObject & { properties: { data: object } };
const schemas = { v1: schemaOf('v1'), v2: schemaOf('v2') };

/** For receivers the schemas are open to fields of later versions; ours must have no others than those they name. */
function closed(): { v1: ValidateFunction; v2: ValidateFunction } {
  const ajv = addFormats.default(new Ajv2020.default({ allErrors: true, allowUnionTypes: true, strictRequired: false }));
  ajv.addSchema(schemas.v1);
  const data = { ...schemas.v2.properties.data, unevaluatedProperties: false };
  return {
    v1: ajv.compile({ ...schemas.v1, $id: 'closed:v1', unevaluatedProperties: false }),
    v2: ajv.compile({ ...schemas.v2, $id: 'closed:v2', properties: { ...schemas.v2.properties, data }, unevaluatedProperties: false }),
  };
}
const validate = closed();
const faults = (by: ValidateFunction, body: unknown) => (by(body) ? [] : by.errors);

const subscription = (format: 'v1' | 'v2'): Subscription =>
  ({ id: '5a000000-0000-4000-8000-000000000001', domainId: 'd', domainName: 'a.example.test', event: '', url: 'https://x.example/hook', apiKey: '', format, ratePerSecond: null, signing, enabled: true });

/** The body as the receiver gets it. */
function bodyOf(notice: Notice, format: 'v1' | 'v2'): unknown {
  const [{ id, body } = { id: '', body: '' }] = promise(notice, { find: () => [subscription(format)] });
  return JSON.parse(withSequence(body, id, 7));
}

const names = await recordedCalls();

it.each([...names, LOAD])('the schema of version 1 is what a tenant receives: %s', async (name) => {
  for (const { payload } of await goldensOf(name)) expect(faults(validate.v1, payload)).toEqual([]);
});

it.each(names)('both schemas hold for all events, with what is told besides: %s', async (name) => {
  for (const notice of play(await eventsOf(name), RULES, EVERYTHING).notices) {
    expect(faults(validate.v1, bodyOf(notice, 'v1'))).toEqual([]);
    expect(faults(validate.v2, bodyOf(notice, 'v2'))).toEqual([]);
  }
});

describe('of a call with everything in it', () => {
  const inbound = { variable_domain_name: 'a.example.test', variable_call_direction: 'inbound', variable_campaign: 'spring' };
  const script = new Script().ringsIn('R', 0, '0900', '8428', inbound).event('RECORD_STOP', 'R', 50, { 'Record-File-Path': '/rec/a.wav', variable_record_ms: '1000' })
    .answers('R', 100).tells('R', 110, { ivr_menu_uuid: 'm', cc_queue: 'q', ring_group_uuid: 'g' }).ends('R', 900);
  const { notices } = play(script.events, { ...RULES, detail: { ...RULES.detail, variables: ['campaign'] } }, EVERYTHING);

  it('both hold', () => {
    expect(notices.map(({ state }) => state)).toEqual(['recording', 'missed', 'cdr']);
    expect(notices.flatMap((notice) => [...faults(validate.v1, bodyOf(notice, 'v1'))!, ...faults(validate.v2, bodyOf(notice, 'v2'))!])).toEqual([]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a null', { sip_call_id: null }], ['a state that there is not', { state: 'rang' }], ['a number as text', { state: 'hangup', duration: '5', billsec: 0 }],
    ['a field of another state', { duration: 5 }], ['a reason that there is not', { missed_reason: 'asleep' }], ['a stamp with a zone', { time_started: '2026-11-22T12:00:00Z' }],
  ])('they refuse %s', (_name, wrong) => {
    const missed = bodyOf(notices[1]!, 'v1') as object;
    expect(validate.v1(missed)).toBe(true);
    expect(validate.v1({ ...missed, ...wrong })).toBe(false);
  });

  it('version 2 refuses an id that is none, a stamp without microseconds and a null', () => {
    const body = bodyOf(notices[1]!, 'v2') as { data: object };
    expect(validate.v2(body)).toBe(true);
    for (const wrong of [{ id: 'x' }, { occurred_at: '2026-11-22T12:00:00Z' }, { sequence: 0 }, { data: { ...body.data, queue: null } }]) expect(validate.v2({ ...body, ...wrong })).toBe(false);
  });
});
