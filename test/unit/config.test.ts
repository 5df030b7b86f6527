import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, describeConfig, explainConfig, loadConfig, type Config } from '../../src/config.js';
import { headersIn } from '../../src/config/headers.js';
import { parseJson } from '../../src/config/json.js';

const KEY = Buffer.alloc(32, 7).toString('base64');
const WRONG_KEYS = 'must be a list of keys, each 32 bytes as base64 or as 64 hex digits, none of them twice';

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'hookswitch-config-')); });
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown, name = 'hookswitch.json'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** What is wrong, as "key problem"; fails where nothing is. */
function faults(env: Record<string, string>, content?: unknown): string[] {
  return error(env, content).faults.map(({ key, problem }) => `${key} ${problem}`);
}

function error(env: Record<string, string>, content?: unknown): ConfigError {
  try {
    loadConfig({ env: content === undefined ? env : { ...env, HOOKSWITCH_CONFIG: file(content) } });
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error('Nothing was found wrong');
}

describe('without any setting', () => {
  it('every key has its documented default', () => {
    const config = loadConfig({ env: {} });
    expect(config).toMatchObject({
      name: hostname(), timeZone: 'UTC', dataDir: join(process.cwd(), 'var'), drainMs: 20_000,
      log: { level: 'info', format: 'auto' }, database: { url: '', poolSize: 10 },
      http: { host: '127.0.0.1', port: 8080, requestsPerMinute: 600, bodyLimitBytes: 65_536 },
      switches: [{ name: 'switch', host: '127.0.0.1', port: 8021, password: 'ClueCon' }],
      esl: { loginTimeoutMs: 10_000, silenceMs: 65_000, pingMs: 5_000, maxFrameBytes: 16 * 1024 * 1024, customSubclasses: [] },
      cdr: { source: 'hangup_complete', lingerMs: 500, waitMs: 30_000 },
      delivery: { concurrency: 64, perUrl: 8, timeoutMs: 10_000, leaseMs: 15_000, jitter: 0.1, keyHeader: 'authorization', keyScheme: 'Bearer', allowAddresses: [] },
    });
    expect(config.delivery.retryMs).toHaveLength(10);
    expect(config).not.toHaveProperty('switch');
  });

  it('config/default.json names exactly the keys there are', () => {
    const leaves = (node: object, prefix = ''): string[] => Object.entries(node).flatMap(([name, value]: [string, unknown]) => (
      typeof value === 'object' && value !== null && !Array.isArray(value) ? leaves(value, `${prefix}${name}.`) : [prefix + name]));
    const shipped = JSON.parse(readFileSync(new URL('../../config/default.json', import.meta.url), 'utf8')) as object;
    expect(leaves(shipped).sort()).toEqual(describeConfig().map(({ key }) => key).sort());
  });
});

describe('sources', () => {
  it('rise from the defaults over the files to the environment, key by key', () => {
    const below = file({ http: { host: '10.0.0.1', port: 1001 }, drainMs: 1 }, 'below.json');
    const named = file({ http: { port: 1002 }, drainMs: 2 });
    const env = { HOOKSWITCH_CONFIG: named, HOOKSWITCH_DRAIN_MS: '3' };
    const { http, drainMs } = loadConfig({ env, files: [below] });
    expect({ ...http, drainMs }).toEqual({ host: '10.0.0.1', port: 1002, requestsPerMinute: 600, bodyLimitBytes: 65_536, maxStreams: 32, drainMs: 3 });
    const from = new Map(explainConfig({ env, files: [below] }).map((key) => [key.key, key.from]));
    expect([from.get('http.host'), from.get('http.port'), from.get('drainMs'), from.get('http.requestsPerMinute')]).toEqual([below, named, 'HOOKSWITCH_DRAIN_MS', 'default']);
  });

  it('a list replaces a list', () => {
    const config = loadConfig({ env: { HOOKSWITCH_CONFIG: file({ calls: { variables: { domain: ['tenant'] } } }) } });
    expect(config.calls.variables.domain).toEqual(['tenant']);
    expect(config.calls.variables.gateway).toEqual(['sip_gateway_name']);
  });

  it.each<[string, string, (config: Config) => unknown, unknown]>([
    ['HOOKSWITCH_HTTP_PORT', '0', ({ http }) => http.port, 0],
    ['HOOKSWITCH_HTTP_PORT', '', ({ http }) => http.port, 8080],
    ['HOOKSWITCH_RETRY_MS', '100, 200,300', ({ delivery }) => delivery.retryMs, [100, 200, 300]],
    ['HOOKSWITCH_ALLOW_ADDRESSES', '10.0.0.0/8, ::1', ({ delivery }) => delivery.allowAddresses, ['10.0.0.0/8', '::1']],
    ['HOOKSWITCH_ALLOW_HOSTS', 'crm.internal,*.corp.example', ({ webhook }) => webhook.allowHosts, ['crm.internal', '*.corp.example']],
    ['HOOKSWITCH_ALLOW_PORTS', '81, 591', ({ webhook }) => webhook.allowPorts, [81, 591]],
    ['HOOKSWITCH_DNS_SERVERS', '10.0.0.53,10.0.0.54:5353,fd00::53,[fd00::54]:5353', ({ webhook }) => webhook.dnsServers, ['10.0.0.53', '10.0.0.54:5353', 'fd00::53', '[fd00::54]:5353']],
    ['HOOKSWITCH_PROXY_URL', 'http://u:p%40w@proxy:3128', ({ webhook }) => webhook.proxyUrl, 'http://u:p%40w@proxy:3128'],
    ['HOOKSWITCH_NO_PROXY', '*.internal,10.0.0.1,::1', ({ webhook }) => webhook.noProxy, ['*.internal', '10.0.0.1', '::1']],
    ['HOOKSWITCH_TIME_ZONE', 'Europe/Berlin', ({ timeZone }) => timeZone, 'Europe/Berlin'],
    ['DATABASE_URL', 'postgres://u:p@db/h', ({ database }) => database.url, 'postgres://u:p@db/h'],
    ['HOOKSWITCH_SWITCH_HOST', 'pbx', ({ switches }) => switches, [{ name: 'switch', host: 'pbx', port: 8021, password: 'ClueCon' }]],
    ['HOOKSWITCH_SWITCHES', '[{"name":"a","host":"h","port":8021,"password":"p"}]', ({ switches }) => switches, [{ name: 'a', host: 'h', port: 8021, password: 'p' }]],
    ['HOOKSWITCH_CDR_SOURCE', 'custom:billing::cdr', ({ esl }) => esl.customSubclasses, ['billing::cdr']],
    ['HOOKSWITCH_RECORDING_URL', 'https://{domain}/r/{file}', ({ recordings }) => recordings.urlTemplate, 'https://{domain}/r/{file}'],
    ['HOOKSWITCH_RECORDINGS_SECRET', 's'.repeat(32), ({ recordings }) => recordings.secret, 's'.repeat(32)],
    ['HOOKSWITCH_FUSIONPBX_SUBSCRIPTIONS', 'false', ({ fusionpbx }) => fusionpbx.subscriptions, false],
    ['HOOKSWITCH_JWT_JWKS_URL', 'http://localhost:1/k', ({ jwt }) => jwt.jwksUrl, 'http://localhost:1/k'],
    ['HOOKSWITCH_ENCRYPTION_KEYS', `${KEY}, ${'ab'.repeat(32)}`, ({ encryption }) => encryption.keys, [KEY, 'ab'.repeat(32)]],
    ['HOOKSWITCH_TRACING_HEADERS', ' Authorization=Basic%20a%2Cb==, x-scope = t ', ({ tracing }) => headersIn(tracing.headers), { authorization: 'Basic a,b==', 'x-scope': 't' }],
    ['HOOKSWITCH_TRACING_SHARE', '1', ({ tracing }) => tracing.share, 1],
    ['HOOKSWITCH_SERVICE_HOST', '10.96.0.7', ({ http }) => http.host, '127.0.0.1'],
    ['HOOKSWITCH_PORT', 'tcp://10.96.0.7:8080', ({ http }) => http.port, 8080],
  ])('%s=%s', (name, value, read, expected) => {
    expect(read(loadConfig({ env: { [name]: value } }))).toEqual(expected);
  });
});

describe('a fault', () => {
  it.each<[Record<string, string>, unknown, string]>([
    [{ HOOKSWITCH_HTTP_PORT: '8080x' }, {}, 'http.port must be a port, from 1 to 65535, or 0 for any free one'],
    [{ HOOKSWITCH_SWITCH_PORT: '0' }, {}, 'switch.port must be a port, from 1 to 65535'],
    [{ HOOKSWITCH_DRAIN_MS: '1.5' }, {}, 'drainMs must be a whole number of milliseconds from 1 to 2147483647'],
    [{ HOOKSWITCH_DRAIN_MS: '2147483648' }, {}, 'drainMs must be a whole number of milliseconds from 1 to 2147483647'],
    [{ HOOKSWITCH_TIME_ZONE: 'Berlin' }, {}, 'timeZone must be a time zone of the IANA database, for example Europe/Berlin'],
    [{ HOOKSWITCH_TIME_ZONE: '+02:00' }, {}, 'timeZone must be a time zone of the IANA database, for example Europe/Berlin'],
    [{ HOOKSWITCH_LOG_LEVEL: 'verbose' }, {}, 'log.level must be one of debug, info, warn, error'],
    [{ DATABASE_URL: 'mysql://db' }, {}, 'database.url must be postgres://user:password@host:port/database, or empty for the embedded Postgres'],
    [{ HOOKSWITCH_CDR_SOURCE: 'custom:' }, {}, 'cdr.source must be hangup_complete, or custom: and the subclass of an event'],
    [{ HOOKSWITCH_RECORDING_URL: 'https://x/{call}' }, {}, 'recordings.urlTemplate must be an http or https URL with no placeholders but {domain}, {call_id} and {file}, or empty'],
    [{ HOOKSWITCH_RECORDING_URL: 'ftp://x/{file}' }, {}, 'recordings.urlTemplate must be an http or https URL with no placeholders but {domain}, {call_id} and {file}, or empty'],
    [{ HOOKSWITCH_RETRY_MS: '5000,soon' }, {}, 'delivery.retryMs must be a list of waits in milliseconds, at least one, each from 1'],
    [{ HOOKSWITCH_ALLOW_ADDRESSES: '10.0.0.0/33' }, {}, 'delivery.allowAddresses must be a list of IP addresses and networks, for example 10.0.0.0/8 or ::1'],
    ...['10.0.0.1', 'https://crm.internal', 'crm.*.internal', '*', 'a..b', '-a', 'crm.internal:80'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_ALLOW_HOSTS: given }, {},
      'webhook.allowHosts must be a list of host names, or *. and a domain for all below it, for example hooks.example.com or *.corp.example']),
    ...['0', '65536', '80x', '1.5'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_ALLOW_PORTS: given }, {}, 'webhook.allowPorts must be a list of ports, each from 1 to 65535']),
    ...['dns.example', '10.0.0.1:0', '10.0.0.1:70000', 'fd00::1:', '[10.0.0.1]:53', '[fd00::1]'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_DNS_SERVERS: given }, {},
      'webhook.dnsServers must be a list of IP addresses of DNS servers, each with or without a port, for example 10.0.0.53, 10.0.0.53:5353 or [fd00::53]:5353']),
    ...['proxy:3128', 'socks5://proxy', 'http://proxy/path', 'http://a b', 'http://%zz@proxy', 'http://'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_PROXY_URL: given }, {},
      'webhook.proxyUrl must be http://host:port or https://host:port, with user:password@ before the host where the proxy wants it, or empty']),
    ...['collector:4318', 'http://collector:4318', 'http://collector:4318/', 'grpc://collector:4317/v1/traces', 'https://u:p@collector/v1/traces', 'https://collector/v1/traces?key=k'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_TRACING_URL: given }, {},
      'tracing.url must be an http or https URL with its path, such as http://127.0.0.1:4318/v1/traces, without a user name, query or fragment, or empty']),
    ...['key', '=value', 'a b=c', 'a=', 'a=1,A=2', 'a=%zz', 'a=b%0d%0ac', 'content-type=text/plain'].map((given): [Record<string, string>, unknown, string] => [{ HOOKSWITCH_TRACING_HEADERS: given }, {},
      'tracing.headers must be name=value for each header, separated by commas, anything unusual in a value percent-encoded, or empty']),
    [{ HOOKSWITCH_TRACING_SHARE: '1.01' }, {}, 'tracing.share must be a number from 0 to 1'],
    [{}, { delivery: { keyHeader: 'traceparent' } }, "delivery.keyHeader must be a header's name that the webhook does not use itself"],
    [{ HOOKSWITCH_SWITCHES: '[{"name":"a b","host":"h","port":70000,"password":"","ssl":true}]' }, {},
      'switches entry 1: name must be a text without white space; entry 1: port must be a port, from 1 to 65535; entry 1: password must be a text that is not empty; entry 1: ssl is not known'],
    [{ HOOKSWITCH_ENCRYPTION_KEYS: 'hunter2' }, {}, `encryption.keys ${WRONG_KEYS}`],
    [{ HOOKSWITCH_ENCRYPTION_KEYS: `${KEY},${Buffer.from(KEY, 'base64').toString('hex')}` }, {}, `encryption.keys ${WRONG_KEYS}`],
    [{}, { encryption: { keys: [7] } }, `encryption.keys ${WRONG_KEYS}`],
    [{ HOOKSWITCH_SWITCHES: '[{"name":"a",}]' }, {}, 'switches must be a JSON list of {"name", "host", "port", "password"}; line 1, column 14: a key in double quotes is wanted here'],
    [{ HOOKSWITCH_HTPP_PORT: '1' }, {}, 'HOOKSWITCH_HTPP_PORT is not known; `hookswitch config --describe` lists the variables'],
    [{}, { log: { levl: 'info' } }, 'log.levl is not known; here may stand level, format'],
    [{}, { http: 8080 }, 'http must be an object with host, port, requestsPerMinute, bodyLimitBytes, maxStreams'],
    [{}, { http: { port: { a: { b: 1 } } } }, 'http.port must be a port, from 1 to 65535, or 0 for any free one'],
    [{}, { delivery: { retryMs: null } }, 'delivery.retryMs must be a list of waits in milliseconds, at least one, each from 1'],
    [{}, { delivery: { keyHeader: 'Content-Type' } }, "delivery.keyHeader must be a header's name that the webhook does not use itself"],
    [{}, { delivery: { jitter: 1 } }, 'delivery.jitter must be a number from 0, below 1'],
    [{}, { delivery: { timeoutMs: 11_001 } }, 'delivery.leaseMs must exceed delivery.timeoutMs (11001) by 4000 or more, or a slow webhook is sent by two daemons'],
    [{ HOOKSWITCH_RECORDINGS_DIRECTORY: 'recordings' }, {}, 'recordings.directory must be the absolute path of a folder, or empty'],
    [{ HOOKSWITCH_RECORDINGS_DIRECTORY: '/' }, {}, 'recordings.directory must be the absolute path of a folder, or empty'],
    [{ HOOKSWITCH_RECORDINGS_DIRECTORY: '/rec/../etc' }, {}, 'recordings.directory must be the absolute path of a folder, or empty'],
    [{ HOOKSWITCH_RECORDINGS_DIRECTORY: '/rec' }, {}, 'recordings.publicUrl must be set where recordings.directory is, or a link would lead nowhere'],
    [{ HOOKSWITCH_RECORDINGS_DIRECTORY: '/rec', HOOKSWITCH_RECORDINGS_PUBLIC_URL: 'https://x', HOOKSWITCH_RECORDING_URL: 'https://x/{file}' }, {},
      'recordings.urlTemplate must be empty where recordings.directory is set: either the daemon serves the recordings, or somebody else does'],
    [{ HOOKSWITCH_RECORDINGS_PUBLIC_URL: 'https://u:p@x' }, {}, 'recordings.publicUrl must be an http or https URL without a user name, query or fragment, or empty'],
    [{ HOOKSWITCH_RECORDINGS_PUBLIC_URL: 'https://x/?a' }, {}, 'recordings.publicUrl must be an http or https URL without a user name, query or fragment, or empty'],
    [{ HOOKSWITCH_RECORDINGS_SECRET: 'short' }, {}, 'recordings.secret must be a text of 32 characters or more without white space, or empty'],
    [{}, { payload: { variables: Array.from({ length: 33 }, (_, index) => `v${index}`) } }, 'payload.variables must be a list of at most 32 texts without white space'],
    [{}, { cdr: { recordingWaitMs: 86_400_000 } }, 'cdr.recordingWaitMs must be below calls.maxAgeMs (86400000)'],
    [{}, { delivery: { perUrl: 65 } }, 'delivery.perUrl must not exceed delivery.concurrency (64)'],
    [{}, { ingest: { maxBuffered: 100 } }, 'ingest.maxBatch must not exceed ingest.maxBuffered (100)'],
    [{ HOOKSWITCH_JWT_SECRET: 'x'.repeat(31) }, {}, 'jwt.secret must be a text of 32 bytes or more, or empty'],
    [{ HOOKSWITCH_JWT_JWKS_URL: 'http://keys.example/' }, {}, 'jwt.jwksUrl must be an https URL (http for 127.0.0.1, ::1 and localhost), or empty'],
    [{ HOOKSWITCH_JWT_JWKS_URL: 'https://keys.example/', HOOKSWITCH_JWT_JWKS_FILE: 'keys.json' }, {}, 'jwt.jwksFile must be empty where jwt.jwksUrl is set, or the other way round'],
    [{ HOOKSWITCH_JWT_ISSUER: 'https://i.example/' }, {}, 'jwt.issuer says nothing without a key: set jwt.secret, jwt.jwksFile or jwt.jwksUrl'],
    [{ HOOKSWITCH_JWT_AUDIENCE: 'hookswitch' }, {}, 'jwt.audience says nothing without a key: set jwt.secret, jwt.jwksFile or jwt.jwksUrl'],
    [{ HOOKSWITCH_JWT_JWKS_FILE: 'k', HOOKSWITCH_JWT_ADMIN_CLAIM: 'role' }, {}, 'jwt.adminValue must be set together with jwt.adminClaim, or neither of them'],
    [{ HOOKSWITCH_JWT_JWKS_FILE: 'k', HOOKSWITCH_JWT_ADMIN_CLAIM: 'domain_uuid', HOOKSWITCH_JWT_ADMIN_VALUE: 'x' }, {}, "jwt.adminClaim must differ from jwt.domainClaim, or a tenant's name could make it an admin"],
    [{ HOOKSWITCH_FUSIONPBX_URL: 'mysql://db' }, {}, 'fusionpbx.url must be postgres://user:password@host:port/database, or empty for no FusionPBX'],
    [{ HOOKSWITCH_FUSIONPBX_SUBSCRIPTIONS: 'yes' }, {}, 'fusionpbx.subscriptions must be true or false'],
    [{}, { cdr: { waitMs: 499 } }, 'cdr.lingerMs must not exceed cdr.waitMs (499)'],
    [{}, { switches: ['a', 'b', 'a'].map((name) => ({ name, host: 'h', port: 8021, password: 'p' })) }, 'switches must have a name of its own for each switch; a is there twice'],
  ])('%j %j', (env, content, expected) => {
    expect(faults(env, content)).toEqual([expected]);
  });

  it('comes with all the others, each with its key, value, source and what would be right', () => {
    const { faults: found, message } = error({ HOOKSWITCH_HTTP_PORT: 'eighty', HOOKSWITCH_LOG_LEVEL: 'loud' }, { drainMs: -1, colour: 'red' });
    const path = join(folder, 'hookswitch.json');
    expect(found).toEqual([
      { key: 'colour', value: '****', problem: expect.stringContaining('is not known; here may stand name, timeZone') as string, from: path },
      { key: 'drainMs', value: '-1', problem: 'must be a whole number of milliseconds from 1 to 2147483647', from: path },
      { key: 'log.level', value: '"loud"', problem: 'must be one of debug, info, warn, error', from: 'HOOKSWITCH_LOG_LEVEL' },
      { key: 'http.port', value: '"eighty"', problem: 'must be a port, from 1 to 65535, or 0 for any free one', from: 'HOOKSWITCH_HTTP_PORT' },
    ]);
    expect(message).toContain('The configuration has 4 faults:\n');
    expect(message).toContain('\n  http.port = "eighty" (HOOKSWITCH_HTTP_PORT) must be a port');
  });

  it.each([
    ['a value', { DATABASE_URL: 'mysql://u:hunter2@db' }, {}],
    ['text that is no JSON', { HOOKSWITCH_SWITCHES: '[{"password":"hunter2"x' }, {}],
    ['a wrong entry', {}, { switches: [{ password: 'hunter2' }] }],
    ['an encryption key', { HOOKSWITCH_ENCRYPTION_KEYS: `${KEY},hunter2` }, {}],
    ['a misspelt key', {}, { switch: { pasword: 'hunter2' } }],
    ['a misplaced value', {}, { switch: 'hunter2' }],
    ['a misspelt variable', { HOOKSWITCH_SWITCH_PASWORD: 'hunter2' }, {}],
    ['a broken file', {}, '{"switch":{"password":"hunter2"x}}'],
  ] as [string, Record<string, string>, unknown][])('never shows a secret: %s', (_name, env, content) => {
    const { faults: found, message, stack } = error(env, content);
    expect(found.length).toBeGreaterThan(0);
    expect(JSON.stringify([found, message, stack])).not.toContain('hunter2');
  });

  it('in a file names the file and the place', () => {
    const path = join(folder, 'hookswitch.json');
    expect(error({}, '{\n  "http": {\n    "port": 80,\n  }\n}').message).toContain(`${path} is not JSON: line 4, column 3: a key in double quotes is wanted here`);
    expect(faults({ HOOKSWITCH_CONFIG: join(folder, 'none.json') })).toEqual([`${join(folder, 'none.json')} cannot be read (ENOENT)`]);
  });
});

it.each([
  ['', 1, 1, 'the text ends where a value is wanted'],
  ['{"a": 1', 1, 8, 'the text ends where "," or "}" is wanted'],
  ['[1 2]', 1, 4, '"," or "]" is wanted here'],
  ["{'a': 1}", 1, 2, 'a key in double quotes or "}" is wanted here'],
  ['{"a" 1}', 1, 6, '":" is wanted here'],
  ['{"a": "x\ny"}', 1, 7, 'a value is wanted here'],
  ['{}\n// why', 2, 1, 'the end is wanted here'],
  ['[01]', 1, 3, '"," or "]" is wanted here'],
  ['{"a": [true, nul]}', 1, 14, 'a value is wanted here'],
])('names the place where JSON breaks: %j', (text, line, column, problem) => {
  expect(parseJson(text)).toEqual({ kind: 'malformed', line, column, problem });
});

it('reads a file that begins with a byte order mark', () => {
  expect(loadConfig({ env: {}, files: [file('\uFEFF{"drainMs": 7}')] }).drainMs).toBe(7);
});

it('takes nothing from a prototype and gives nothing to one', () => {
  expect(faults({}, '{"__proto__": {"drainMs": 1}, "constructor": {"prototype": {"x": 1}}}')).toHaveLength(2);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

it('is frozen to the leaves, and one load does not touch the next', () => {
  const config = loadConfig({ env: {} }) as unknown as { http: { port: number }; calls: { applications: { value: string }[] }; delivery: { retryMs: number[] } };
  expect(() => { config.http.port = 1; }).toThrow(TypeError);
  expect(() => { config.calls.applications[0]!.value = 'x'; }).toThrow(TypeError);
  expect(() => { config.delivery.retryMs.push(1); }).toThrow(TypeError);
  expect(loadConfig({ env: { HOOKSWITCH_HTTP_PORT: '9' } }).http.port).toBe(9);
  expect(loadConfig({ env: {} }).http.port).toBe(8080);
});

it('shows the values in use with their secrets masked', () => {
  const env = { DATABASE_URL: 'postgres://u:hunter2@db/h', HOOKSWITCH_SWITCH_PASSWORD: 'hunter2', HOOKSWITCH_SWITCHES: '[{"name":"a","host":"h","port":1,"password":"hunter2"}]', HOOKSWITCH_ENCRYPTION_KEYS: KEY, HOOKSWITCH_TRACING_HEADERS: 'key=hunter2,see=https://x' };
  const shown = explainConfig({ env });
  expect(JSON.stringify(shown)).not.toContain('hunter2');
  expect(shown).toContainEqual({ key: 'encryption.keys', value: ['****'], from: 'HOOKSWITCH_ENCRYPTION_KEYS' });
  expect(shown).toContainEqual({ key: 'tracing.headers', value: '****', from: 'HOOKSWITCH_TRACING_HEADERS' });
  expect(shown).toContainEqual({ key: 'database.url', value: 'postgres://u:****@db/h', from: 'DATABASE_URL' });
  expect(shown).toContainEqual({ key: 'switches', value: [{ name: 'a', host: 'h', port: 1, password: '****' }], from: 'HOOKSWITCH_SWITCHES' });
});

it('describes each key with its variable, default, form and meaning', () => {
  const described = describeConfig();
  expect(described).toContainEqual({
    key: 'http.port', env: 'HOOKSWITCH_HTTP_PORT', default: 8080, format: 'a port, from 1 to 65535, or 0 for any free one', doc: 'The port for them; 0 takes any free one and logs it.',
  });
  expect(described.filter(({ doc, format }) => doc === '' || format === '')).toEqual([]);
  expect(described.filter(({ key, doc }) => key.endsWith('Ms') && !doc.includes('milliseconds'))).toEqual([]);
});
