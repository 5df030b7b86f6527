import { createAddressPolicy } from '../../src/webhook/address.js';
import { createConfiguredPolicy, databaseEndpoints } from '../../src/webhook/destinations.js';
import { loadConfig } from '../../src/config.js';
import { AddressRefused, createCheckedLookup, resolveAllowed } from '../../src/webhook/lookup.js';

const strict = createAddressPolicy({ allow: [] });

describe('an address that webhooks may go to', () => {
  it.each([
    '1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.1', '169.253.255.255', '169.255.0.1',
    '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '203.0.112.255', '223.255.255.255',
    '2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2001:4860:4860::8888',
    '::ffff:8.8.8.8', '::ffff:808:808', '64:ff9b::8.8.8.8',
  ])('%s', (ip) => {
    expect(strict.check(ip)).toEqual({ kind: 'allowed' });
  });
});

describe('an address that is refused', () => {
  it.each([
    // IPv4
    '0.0.0.0', '0.1.2.3', '0.255.255.255', '10.0.0.0', '10.0.0.1', '10.255.255.255', '100.64.0.0', '100.64.0.1', '100.127.255.255',
    '127.0.0.0', '127.0.0.1', '127.1.2.3', '127.255.255.255', '169.254.0.0', '169.254.169.254', '169.254.255.255',
    '172.16.0.0', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.0.170', '192.0.2.1', '192.88.99.1', '192.168.0.0', '192.168.1.1', '192.168.255.255',
    '198.18.0.0', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.254', '255.255.255.255',
    // IPv6
    '::', '::1', '::2', '100::1', '100::ffff:ffff:ffff:ffff', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '2001:db8:ffff::1', '2001:10::1', '2001:2::1',
    '2002:7f00:1::', '2002:0808:0808::1', '2002:c0a8:0101::1', '3fff::1', '4000::1', '5f00::1', 'fc00::1', 'fd00:ec2::254', 'fdff::1', 'fe80::1', 'fe80::1%eth0', 'febf::1',
    'fec0::1', 'feff::1', 'ff02::1', 'ff0e::1',
    // IPv4 in IPv6
    '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:0.0.0.0', '0:0:0:0:0:ffff:c0a8:101', '::127.0.0.1', '::7f00:1', '::a00:1',
    '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::8.8.8.8', '64:ff9b:1::a00:1',
    // no address at all
    '', 'example.com', '1.2.3.4.5', '300.1.1.1', '[::1]', '10.0.0.0/8',
  ])('%s', (ip) => {
    expect(strict.check(ip)).toEqual({ kind: 'refused', reason: expect.stringMatching(/\w/) as string });
  });
});

describe('what the operator allows', () => {
  const policy = createAddressPolicy({ allow: ['10.1.0.0/16', '192.168.7.7', 'fd00:1::/32', '::1'] });

  it.each([
    ['10.1.2.3', 'allowed'], ['10.2.0.1', 'refused'], ['192.168.7.7', 'allowed'], ['192.168.7.8', 'refused'], ['::ffff:10.1.2.3', 'allowed'], ['::ffff:10.2.2.3', 'refused'],
    ['64:ff9b::10.1.2.3', 'allowed'], ['fd00:1::5', 'allowed'], ['fd00:2::5', 'refused'], ['::1', 'allowed'], ['127.0.0.1', 'refused'], ['8.8.8.8', 'allowed'],
  ])('%s is %s', (ip, kind) => {
    expect(policy.check(ip).kind).toBe(kind);
  });

  it.each(['10.0.0.0/33', 'example.com', '', '10.0.0.0/'])('%j is a mistake of ours and throws', (range) => {
    expect(() => createAddressPolicy({ allow: [range] })).toThrow('neither a CIDR nor an IP address');
  });
});

describe('a URL', () => {
  it.each([
    ['https://example.com/hook', 'example.com'], ['http://example.com:8080/hook?a=b', 'example.com'], ['HTTPS://EXAMPLE.com/', 'example.com'], ['https://example.com', 'example.com'],
    ['https://münchen.example/', 'xn--mnchen-3ya.example'], ['https://example.com./', 'example.com.'], ['https://localhost.example.com/', 'localhost.example.com'], ['https://10.example/', '10.example'],
  ])('%s is allowed as far as can be said before its name is resolved', (text, lookUp) => {
    expect(strict.checkUrl(text)).toMatchObject({ kind: 'allowed', text, lookUp });
  });

  it('that names a public address needs no lookup', () => {
    expect(strict.checkUrl('https://8.8.8.8/hook')).not.toHaveProperty('lookUp');
    expect(strict.checkUrl('http://[2606:4700:4700::1111]:8443/')).toMatchObject({ kind: 'allowed', text: 'http://[2606:4700:4700::1111]:8443/' });
  });

  it('loses its fragment and nothing else', () => {
    expect(strict.checkUrl('https://example.com/a?b=c#d#e')).toMatchObject({ kind: 'allowed', text: 'https://example.com/a?b=c', url: new URL('https://example.com/a?b=c') });
  });

  it.each([
    // this machine in disguise
    'http://127.0.0.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://017700000001/', 'http://127.1/', 'http://127.0.1/', 'http://127.0.0.1./',
    'http://%31%32%37.0.0.1/', 'http://①②⑦.0.0.1/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/', 'http://[0:0:0:0:0:0:0:1]/', 'http://[::127.0.0.1]/', 'http://0/', 'http://0.0.0.0/',
    'http://localhost/', 'http://localhost./', 'http://LOCALHOST:8080/', 'http://a.b.localhost/', 'http://foo.localhost./',
    // the network behind it
    'http://10.0.0.1/', 'http://167772161/', 'http://192.168.1.1/', 'http://169.254.169.254/latest/meta-data/', 'http://0xa9fea9fe/', 'http://[fd00:ec2::254]/', 'http://[fe80::1]/',
    'http://１２７．０．０．１/', 'http://127。0。0。1/', 'http://0300.0250.1.1/', 'http://3232235777/', 'http://0xC0.0xA8.1.1/', 'http://192.168.257/', 'http://[::ffff:c0a8:101]/', 'http://[64:ff9b::10.0.0.1]/',
    'http://[64:ff9b:1::a00:1]/', 'http://[2002:a00:1::]/', 'http://[2001:0:a00:1::]/', 'http://[::10.0.0.1]/', 'http://224.0.0.1/', 'http://192.0.2.1/', 'http://198.18.0.1/', 'http://100.64.0.1/',
    // a cloud's metadata
    'http://168.63.129.16/', 'http://100.100.100.200/', 'http://169.254.170.2/', 'http://192.0.0.192/', 'http://[fd20:ce::254]/', 'http://[::ffff:169.254.169.254]/', 'http://[64:ff9b::a9fe:a9fe]/',
    'http://metadata.google.internal/', 'http://METADATA.google.internal./computeMetadata/v1/', 'http://metadata/', 'http://metadata.goog/', 'http://instance-data.ec2.internal/',
    // ports of mail, SSH and their like
    'http://example.com:25/', 'https://example.com:22/', 'http://8.8.8.8:53/', 'http://example.com:0/', 'http://example.com:1023/', 'http://[2606:4700::1]:6/',
    // no URL to POST to
    '', 'example.com/hook', '//example.com/', '/hook', 'ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'http:example.com', 'http:\\\\example.com', 'http://', 'https://./', 'unix:/run/x.sock',
    'http://user@example.com/', 'http://user:secret@example.com/', 'http://:secret@example.com/', 'https://example.com@127.0.0.1/', 'http://exa mple.com/', ' https://example.com/', 'https://example.com/\r\nX: y', 'https://example.com/\t',
    'http://example.com:99999/', 'http://1.2.3.4.5/', 'http://256.256.256.256/', 'http://[::1', 'http://[fe80::1%25eth0]/', `https://example.com/${'a'.repeat(2_048)}`, `https://example.com/${'é'.repeat(1_000)}`, `https://${'丽'.repeat(1_000)}.example/`,
  ])('%j is refused', (text) => {
    expect(strict.checkUrl(text)).toEqual({ kind: 'refused', reason: expect.stringMatching(/\w/) as string });
  });

  it('says nothing of a password that it contains', () => {
    expect(JSON.stringify(strict.checkUrl('http://user:secret@example.com/'))).not.toContain('secret');
  });

  it('may name this machine where the operator allows it', () => {
    const policy = createAddressPolicy({ allow: ['127.0.0.0/8'] });
    expect(policy.checkUrl('http://localhost:3000/')).toMatchObject({ kind: 'allowed', lookUp: 'localhost' });
    expect(policy.checkUrl('http://2130706433/').kind).toBe('allowed');
    expect(policy.checkUrl('http://[::1]/').kind).toBe('refused');
  });
});

describe('a port', () => {
  const policy = createAddressPolicy({ allow: [], allowPorts: [81, 8] });
  it.each([
    ['http://example.com/', 'allowed'], ['https://example.com:80/', 'allowed'], ['http://example.com:443/', 'allowed'], ['http://example.com:81/', 'allowed'], ['http://example.com:8/', 'allowed'],
    ['http://example.com:82/', 'refused'], ['http://example.com:1024/', 'allowed'], ['http://example.com:65535/', 'allowed'],
  ])('%s is %s', (url, kind) => {
    expect(policy.checkUrl(url).kind).toBe(kind);
  });
});

describe('a host name that the operator allows', () => {
  const policy = createAddressPolicy({ allow: [], allowHosts: ['crm.internal', '*.corp.example', 'localhost'] });
  it.each([
    ['crm.internal', '10.0.0.1', 'allowed'], ['CRM.internal.', '10.0.0.1', 'allowed'], ['x.crm.internal', '10.0.0.1', 'refused'], ['a.b.corp.example', 'fd00::1', 'allowed'],
    ['corp.example', '10.0.0.1', 'refused'], ['evilcorp.example', '10.0.0.1', 'refused'], ['crm.internal', '169.254.169.254', 'refused'], ['other', '10.0.0.1', 'refused'],
  ])('%s at %s is %s', (host, ip, kind) => {
    expect(policy.check(ip, { host, port: 80 }).kind).toBe(kind);
  });

  it('may be this machine', () => {
    expect(policy.checkUrl('http://localhost:3000/').kind).toBe('allowed');
    expect(policy.checkUrl('http://127.0.0.1:3000/').kind).toBe('refused');
  });
});

describe('metadata', () => {
  it.each<[string[], string, string]>([
    [['169.254.0.0/16'], '169.254.169.254', 'refused'], [['169.254.0.0/16'], '169.254.1.1', 'allowed'], [['0.0.0.0/0'], '100.100.100.200', 'refused'], [['fd00::/8'], 'fd00:ec2::254', 'refused'],
    [['169.254.169.254'], '169.254.169.254', 'allowed'], [['169.254.169.254/32'], '::ffff:169.254.169.254', 'allowed'],
  ])('with %j allowed, %s is %s', (allow, ip, kind) => {
    expect(createAddressPolicy({ allow }).check(ip).kind).toBe(kind);
  });
});

describe('what is our own', () => {
  const policyWith = (env: Record<string, string>, database = 'postgres://u:p@10.0.0.9/h') => createConfiguredPolicy(
    loadConfig({ env: { HOOKSWITCH_SWITCH_HOST: '10.0.0.8', HOOKSWITCH_ALLOW_ADDRESSES: '10.0.0.0/8,127.0.0.0/8', ...env } }), database, { resolve: () => Promise.reject(new Error('No name to resolve')), nowMs: () => 0 });

  it.each<[string, Record<string, string>, string, string]>([
    ['the event socket', {}, 'http://10.0.0.8:8021/', 'refused'], ["the switch's machine", {}, 'http://10.0.0.8:8080/', 'refused'], ['the database', {}, 'http://10.0.0.9:5432/', 'refused'],
    ["the database's machine", {}, 'https://10.0.0.9/', 'refused'], ['it as IPv6', {}, 'http://[::ffff:10.0.0.9]:8080/', 'refused'], ['its neighbour', {}, 'http://10.0.0.10:8021/', 'allowed'],
    ['a machine that is named', { HOOKSWITCH_ALLOW_ADDRESSES: '10.0.0.8' }, 'http://10.0.0.8:8080/', 'allowed'], ['but not its event socket', { HOOKSWITCH_ALLOW_ADDRESSES: '10.0.0.8' }, 'http://10.0.0.8:8021/', 'refused'],
    ['the database of FusionPBX', { HOOKSWITCH_FUSIONPBX_URL: 'postgres://u:p@10.0.0.7/fusionpbx' }, 'http://10.0.0.7:5432/', 'refused'],
    ['a public switch', { HOOKSWITCH_SWITCH_HOST: '8.8.8.8' }, 'https://8.8.8.8/', 'refused'], ['a public switch that is named', { HOOKSWITCH_SWITCH_HOST: '8.8.8.8', HOOKSWITCH_ALLOW_ADDRESSES: '8.8.8.8' }, 'https://8.8.8.8/', 'allowed'],
    ['the event socket on this machine', { HOOKSWITCH_SWITCH_HOST: '127.0.0.1' }, 'http://127.0.0.1:8021/', 'refused'], ['another port of this machine', { HOOKSWITCH_SWITCH_HOST: '127.0.0.1' }, 'http://127.0.0.1:3000/', 'allowed'],
    ['the event socket of this machine, named', { HOOKSWITCH_SWITCH_HOST: '127.0.0.1', HOOKSWITCH_ALLOW_ADDRESSES: '127.0.0.1' }, 'http://127.0.0.1:8021/', 'refused'],
  ])('%s', (_name, env, url, kind) => {
    expect(policyWith(env).checkUrl(url).kind).toBe(kind);
  });

  it('is a machine that a name leads to, unless that name is allowed', () => {
    const policy = policyWith({ HOOKSWITCH_ALLOW_HOSTS: 'pbx.example' });
    expect(policy.check('10.0.0.8', { host: 'evil.example', port: 80 })).toEqual({ kind: 'refused', reason: '10.0.0.8 belongs to this service itself' });
    expect(policy.check('10.0.0.8', { host: 'pbx.example', port: 80 }).kind).toBe('allowed');
    expect(policy.check('10.0.0.8', { host: 'pbx.example', port: 8021 }).kind).toBe('refused');
  });

  it.each<[string, object[]]>([
    ['', []], ['postgres://u:p@db/h', [{ host: 'db', port: 5432 }]], ['postgresql://u:p@db:6432/h', [{ host: 'db', port: 6432 }]], ['postgres://u:p@[::1]:1/h', [{ host: '::1', port: 1 }]],
    ['postgres:///h?host=/run/postgresql', []], ['postgres://%2Frun%2Fpostgresql/h', []], ['postgres:///h?host=db&port=7', [{ host: 'db', port: 7 }]],
  ])('the database of %j is at %j', (url, expected) => {
    expect(databaseEndpoints(url)).toEqual(expected);
  });
});

describe('the lookup', () => {
  const answer = (...addresses: string[]) => () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  const lookUp = (addresses: string[], options: { all?: boolean; family?: number }) => new Promise((resolve) => {
    createCheckedLookup(strict, answer(...addresses))('example.com', options, (error, address, family) => resolve(error ?? [address, family]));
  });

  it('hands out the allowed addresses of a name only', async () => {
    expect(await resolveAllowed('example.com', strict, answer('10.0.0.1', '8.8.8.8', '::1', '2606:4700::1'))).toEqual([{ address: '8.8.8.8', family: 4 }, { address: '2606:4700::1', family: 6 }]);
  });

  it('refuses a name that has no other', async () => {
    await expect(resolveAllowed('example.com', strict, answer('10.0.0.1', '::1'))).rejects.toThrow(AddressRefused);
    expect(await lookUp(['10.0.0.1'], { all: true })).toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  it('answers in each form that a socket asks for', async () => {
    expect(await lookUp(['8.8.8.8', '2606:4700::1'], { all: true })).toEqual([[{ address: '8.8.8.8', family: 4 }, { address: '2606:4700::1', family: 6 }], undefined]);
    expect(await lookUp(['8.8.8.8', '2606:4700::1'], { family: 6 })).toEqual(['2606:4700::1', 6]);
    expect(await lookUp(['8.8.8.8'], {})).toEqual(['8.8.8.8', 4]);
    expect(await lookUp(['8.8.8.8'], { family: 6 })).toMatchObject({ code: 'ENOTFOUND' });
  });
});
