import { readRecording } from '../../src/esl/recording.js';
import { editEvent } from '../../src/esl/event-text.js';
import { NumberValues } from '../../src/esl/number-values.js';
import { OtherNumbers } from '../../src/esl/other-numbers.js';
import { maskSecretValue } from '../../src/esl/secret-values.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { bodyOf } from '../../src/esl/wire.js';
import { seeded } from '../../src/cli/seeded.js';
import { asGolden, byFlow, FIXTURES, goldensOf, LOAD, play, recordedCalls } from '../support/goldens.js';
import { numbersBetween, withNumbers } from '../support/masked.js';

const bodiesOf = async (name: string) => (await readRecording(`${FIXTURES}${name}.esl.gz`)).events.map(({ frame, atMs }) => ({ body: bodyOf(frame), atMs }));

const body = (headers: Record<string, string | string[]>) => Buffer.from(JSON.stringify(headers));
const headersOf = (bytes: Buffer) => JSON.parse(bytes.toString()) as Record<string, string | string[]>;

describe('an event with other values', () => {
  it('stays byte for byte where nothing changes, also what is not UTF-8', async () => {
    for (const name of [...await recordedCalls(), LOAD]) {
      for (const { body: bytes } of await bodiesOf(name)) expect(editEvent(bytes, (_header, value) => value).equals(bytes)).toBe(true);
    }
  });

  it('has lists changed item by item, and escapes what JSON needs escaped', () => {
    const edited = editEvent(body({ 'variable_a': ['x"1', 'y'], 'b': 'back\\slash' }), (name, value) => `${name}=${value}\n`);
    expect(headersOf(edited)).toEqual({ 'variable_a': ['variable_a=x"1\n', 'variable_a=y\n'], 'b': 'b=back\\slash\n' });
  });

  it('announces the length of its own body as it now is', () => {
    const edited = editEvent(body({ 'Content-Length': '3', '_body': 'abc' }), (name, value) => (name === '_body' ? `${value}\u00e9\n` : value));
    expect(edited.toString('latin1')).toContain('"Content-Length":"5"');
  });
});

describe('secrets', () => {
  it.each([
    ['variable_sip_auth_password', 'geheim-1'], ['variable_sip_auth_username', 'geheim-1'], ['variable_voicemail_password', 'geheim-1'], ['variable_api_key', 'geheim-1'],
    ['variable_sip_h_Authorization', 'Digest username="x", response="geheim-1"'], ['variable_sip_h_Proxy-Authorization', 'geheim-1'], ['variable_sip_contact_params', 'pn-tok=geheim-1'],
    ['variable_conference_pin', 'geheim-1'], ['DTMF-Digit', '7'],
  ])('in %s are masked whole', (header, value) => {
    expect(maskSecretValue(header, value)).toBe('****');
  });

  it.each([
    ['variable_current_application_data', 'sip_auth_password=geheim-1', 'sip_auth_password=****'],
    ['variable_current_application_data', '{sip_auth_username=geheim-1,a=b}sofia/gateway/x', '{sip_auth_username=****,a=b}sofia/gateway/x'],
    ['variable_x', "password='geheim-1 and more'&b=c", "password='****'&b=c"],
    ['variable_sip_full_from', '<sip:1001@h;token=geheim-1>;tag=1', '<sip:1001@h;token=****>;tag=1'],
    ['variable_sip_full_contact', '<sip:1001@h;fs_path=geheim-1>;+sip.instance="<urn:geheim-1>"', '<sip:1001@h;fs_path=****>;+sip.instance="****"'],
    ['variable_hook', 'curl https://user:geheim-1@h/x?access_token=geheim-1', 'curl https://user:****@h/x?access_token=****'],
    ['variable_h', 'Authorization: Bearer geheim-123', 'Authorization: Bearer ****'],
    ['_body', '<v><sip_auth_password>geheim-1</sip_auth_password><a>1</a></v>', '<v><sip_auth_password>****</sip_auth_password><a>1</a></v>'],
    ['_body', 'a=b&api_key%3Dgeheim-1%26c', 'a=b&api_key%3D****%26c'],
    ['_body', '{"call":{"password":"geheim-1","list":[{"token":"geheim-1"}],"to":"1001"}}', '{"call":{"password":"****","list":[{"token":"****"}],"to":"1001"}}'],
  ])('inside %s are masked: %s', (header, value, expected) => {
    expect(maskSecretValue(header, value)).toBe(expected);
  });

  it.each([
    ['variable_domain_name', 'a.example.test'], ['Caller-Caller-ID-Name', 'Anna Basic'], ['variable_sip_from_tag', '24469SIPpTag001'], ['variable_sip_authorized', 'true'],
    ['variable_sip_full_via', 'SIP/2.0/UDP 127.0.0.1:7090;branch=z9hG4bK-i1'], ['_body', '{ "to": "1001" }'], ['variable_sip_auth_password', ''],
  ])('are not seen where there are none: %s %s', (header, value) => {
    expect(maskSecretValue(header, value)).toBe(value);
  });
});

describe('other numbers', () => {
  const others = () => new OtherNumbers({ random: seeded('a') });

  it('have the same length, are the same for the same, and differ for different ones', () => {
    const numbers = others();
    const given = Array.from({ length: 900 }, (_, index) => String(100 + index));
    const got = given.map((digits) => numbers.of(digits));
    expect(new Set(got).size).toBe(900);
    expect(got.every((digits) => /^[1-9]\d\d$/.test(digits))).toBe(true);
    expect(given.map((digits) => numbers.of(digits))).toEqual(got);
    expect(numbers.of('0912345678')).toMatch(/^0\d{9}$/);
  });

  function replaced(...events: Record<string, string>[]): Record<string, string | string[]>[] {
    const values = new NumberValues({ of: (digits: string) => 'x'.repeat(digits.length) } as OtherNumbers);
    return events.map((headers) => {
      values.learn(body(headers));
      return headersOf(editEvent(body(headers), (name, value) => values.replace(name, value)));
    });
  }

  it.each([
    ['Caller-Caller-ID-Number', '+84912345678', '+xxxxxxxxxxx'],
    ['Channel-Name', 'sofia/internal/1001@127.0.0.1:6001', 'sofia/internal/xxxx@127.0.0.1:6001'],
    ['variable_sip_full_from', '"0912345678" <sip:0912345678@carrier.example.test>;tag=1', '"xxxxxxxxxx" <sip:xxxxxxxxxx@carrier.example.test>;tag=1'],
    ['variable_presence_id', '1001@a.example.test', 'xxxx@a.example.test'],
    ['variable_sip_h_X-Customer', 'tel:0912345678', 'tel:xxxxxxxxxx'],
    ['_body', '{"from":"0912345678","n":84912345678}', '{"from":"xxxxxxxxxx","n":xxxxxxxxxxx}'],
    ['_body', '<uri>sip%3A0912345678%401001.example</uri>', '<uri>sip%3Axxxxxxxxxx%401001.example</uri>'],
    ['variable_sip_call_id', '1234567890@127.0.0.1', 'xxxxxxxxxx@127.0.0.1'],
    ['variable_switch_r_sdp', 'o=0912345678 1 1 IN IP4 192.0.2.2\r\nm=audio 33360', 'o=xxxxxxxxxx 1 1 IN IP4 192.0.2.2\r\nm=audio 33360'],
    ['variable_record_name', 'rec_0912345678.wav', 'rec_xxxxxxxxxx.wav'],
  ])('stand in %s: %j', (header, value, expected) => {
    expect(replaced({ [header]: value })).toEqual([{ [header]: expected }]);
  });

  it('leave alone what is no number', () => {
    const event = {
      'Event-Sequence': '1001', 'Event-Date-Timestamp': '1795346979856430', 'Caller-Channel-Created-Time': '1795346979856430', 'variable_start_epoch': '1795346979',
      'Unique-ID': '7cc17366-1001-4855-b285-100110011001', 'variable_other': '7cc17366-1001-4855-b285-100110011001', 'variable_sip_network_port': '1001', 'variable_domain_name': '1001.example.test',
      'variable_x': 'at 192.168.100.100:1001', 'variable_y': '2026-11-22 11:29:39',
    };
    expect(replaced({ 'Caller-Destination-Number': '1001' }, event)[1]).toEqual(event);
  });
});

describe('of a recorded call the masked recording', () => {
  it('tells the same webhooks with the numbers that stand for its own, and none of these', async () => {
    for (const name of await recordedCalls()) {
      const numbers = new NumberValues(new OtherNumbers({ random: seeded(name) }));
      const masked = (await bodiesOf(name)).map(({ body: bytes, atMs }) => {
        numbers.learn(bytes);
        return { bytes: editEvent(bytes, (header, value) => numbers.replace(header, maskSecretValue(header, value))), atMs };
      });
      const events = masked.map(({ bytes, atMs }) => {
        const read = readEvent(bytes, 'pbx', atMs);
        if (read.kind !== 'event') throw new Error(read.why);
        return read.event;
      });
      const got = byFlow(play(events).notices.map(asGolden));
      const goldens = byFlow(await goldensOf(name));
      expect(Object.keys(got).sort()).toEqual(Object.keys(goldens).sort());
      for (const [flow, expected] of Object.entries(goldens)) {
        const others = numbersBetween(expected.map(({ payload }) => payload), got[flow]!.map(({ payload }) => payload));
        const text = Buffer.concat(masked.map(({ bytes }) => bytes)).toString('latin1');
        expect([name, [...others.keys()].filter((number) => number.length >= 7 && text.includes(number))]).toEqual([name, []]);
        expect([name, got[flow]!.map(({ payload }) => payload)]).toEqual([name, expected.map(({ payload }) => withNumbers(payload, others))]);
      }
    }
  });
});
