import { startDaemon, type DaemonProcess } from '../support/daemon.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { signWith } from '../api/keys-server.js';
import { createPbx, type Pbx } from '../sources/pbx.js';

const SECRET = 'a secret of more than 32 bytes, for HS256';

let ours: TestDatabase;
let pbx: Pbx;
let daemon: DaemonProcess;
let subscriptionId: string;
let domainId: string;
beforeAll(async () => {
  [ours, pbx] = await Promise.all([createDatabase(), createPbx()]);
  domainId = await pbx.addDomain('pbx.example');
  subscriptionId = await pbx.subscribe(domainId, 'http://127.0.0.1:9009/hook');
  await pbx.subscribe(domainId, 'http://10.0.0.1/hook');
  daemon = await startDaemon({
    DATABASE_URL: ours.url, HOOKSWITCH_SWITCH_PORT: '9', HOOKSWITCH_FUSIONPBX_URL: pbx.url,
    HOOKSWITCH_JWT_SECRET: SECRET, HOOKSWITCH_JWT_ADMIN_CLAIM: 'role', HOOKSWITCH_JWT_ADMIN_VALUE: 'operator',
  });
});
afterAll(async () => {
  await daemon.stop('SIGKILL');
  await Promise.all([ours.drop(), pbx.drop()]);
});

async function get(path: string, claims: Record<string, unknown>): Promise<unknown> {
  const token = await signWith(new TextEncoder().encode(SECRET), { alg: 'HS256' }, claims);
  return await (await fetch(daemon.api + path, { headers: { authorization: `Bearer ${token}` } })).json();
}

it('a tenant of FusionPBX is there when the daemon is up, and signs in with a JWT', async () => {
  expect(await get('/v1/event', { domain_uuid: 'PBX.example' })).toEqual({
    data: [{ event_domain_uuid: subscriptionId, domain_uuid: domainId, domain_name: 'pbx.example', event_name: 'cdr', callback_url: 'http://127.0.0.1:9009/hook', callback_apikey: '' }],
  });
  expect(await get('/v1/admin/domain', { role: 'operator' })).toMatchObject({ data: [{ domain_uuid: domainId, source: 'fusionpbx' }], next_cursor: null });
});

it('what it may not have is judged as in the API, and the log has no password', async () => {
  const line = await daemon.said('a row of FusionPBX cannot be taken over');
  expect(line).toMatchObject({ what: 'subscription', reason: 'callback_url Must be a public http or https URL: 10.0.0.1 is a private address.' });
  expect(JSON.stringify(daemon.lines)).not.toContain(new URL(pbx.url).password);
});

it('the daemon ends in good order beside it', async () => {
  expect(await daemon.stop()).toBe(0);
});
