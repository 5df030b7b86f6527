import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { onThisMachine } from '../support/language.js';

const SNIPPETS = new URL('../../docs/verify/', import.meta.url).pathname;
const DRIVERS = new URL('verify/', import.meta.url).pathname;

/** A vector that was written down once; the test below holds it against the specification's own library. */
const GENUINE = {
  id: '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0e', timestamp: '1795346985', body: '{"from_number":"Nguyễn Văn A","state":"hangup"}',
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=', signature: 'v1,GpRkAnqhpzilpcrIi5nll2DJiqEUqgm5FPSDc2C4L70=', now: '1795346985',
};
const OTHER = `v1,${Buffer.alloc(32, 7).toString('base64')}`;

const CASES: readonly (readonly [string, Partial<typeof GENUINE>, boolean])[] = [
  ['as it was sent', {}, true],
  ['signed with two secrets, ours the second', { signature: `${OTHER} ${GENUINE.signature}` }, true],
  ['five minutes old', { now: '1795347285' }, true],
  ['five minutes and a second old', { now: '1795347286' }, false],
  ['from a clock five minutes and a second ahead', { now: '1795346684' }, false],
  ['another body', { body: GENUINE.body.replace('hangup', 'hangvp') }, false],
  ['another id', { id: '6d0a1c1e-6a43-8f6a-9a3b-58c02c3a1f0f' }, false],
  ['another time', { timestamp: '1795346986' }, false],
  ['another secret', { secret: 'whsec_QTJmS3JwNnhSdG1jVzlzWkQ4eUxoVjNuRzVxVDFqQmE=' }, false],
  ['another signature', { signature: OTHER }, false],
  ['another version', { signature: GENUINE.signature.replace('v1', 'v1a') }, false],
  ['the signature cut short', { signature: GENUINE.signature.slice(0, -4) }, false],
  ['no signature', { signature: '' }, false],
  ['no time', { timestamp: '' }, false],
  ['a time that is no number', { timestamp: 'NaN' }, false],
  ['a time with a fraction', { timestamp: '1795346985.0' }, false],
  ['an endless time', { timestamp: '9'.repeat(400) }, false],
];

/** Per language: where its snippet goes, what else it takes, and what is run. */
const LANGUAGES = [
  { name: 'Node', extension: 'js', driver: 'driver.mjs', to: 'verify.js', files: { 'package.json': '{"type":"module"}' }, programs: ['node'], run: [['node', 'driver.mjs']] },
  { name: 'Python', extension: 'py', driver: 'driver.py', to: 'verify.py', files: {}, programs: ['python3'], run: [['python3', 'driver.py']] },
  { name: 'PHP', extension: 'php', driver: 'driver.php', to: 'verify.php', files: {}, programs: ['php'], run: [['php', 'driver.php']] },
  { name: 'Go', extension: 'go', driver: 'driver.go', to: 'webhook/verify.go', files: { 'go.mod': 'module driver\n\ngo 1.19\n' }, programs: ['go'], run: [['go', 'run', '.']] },
  { name: 'C#', extension: 'cs', driver: 'driver.cs', to: 'verify.cs', files: {}, programs: ['mcs', 'mono'], run: [['mcs', '-out:driver.exe', 'driver.cs', 'verify.cs'], ['mono', 'driver.exe']] },
] as const;

it('the vector is signed as the specification has it', () => {
  const { id, timestamp, body, secret, signature } = GENUINE;
  expect(new Webhook(secret).sign(id, new Date(Number(timestamp) * 1_000), body)).toBe(signature);
});

describe.each(LANGUAGES.filter(({ name, programs }) => onThisMachine(name, ...programs)))('in $name', ({ extension, driver, to, files, run }) => {
  let judged: string[];
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hookswitch-test-verify-'));
    await mkdir(join(folder, 'webhook'));
    await cp(`${SNIPPETS}verify.${extension}`, join(folder, to));
    await cp(`${DRIVERS}${driver}`, join(folder, driver));
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    const input = CASES.map(([, changed]) => {
      const { id, timestamp, signature, body, secret, now } = { ...GENUINE, ...changed };
      return `${[id, timestamp, signature, body, secret, now].map((field) => Buffer.from(field).toString('base64')).join('\t')}\n`;
    }).join('');
    let said = '';
    for (const [program, ...options] of run) {
      const { stdout, stderr, status } = spawnSync(program, options, { cwd: folder, input, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program}: ${stderr}${stdout}`);
      said = stdout;
    }
    judged = said.trim().split('\n');
    await rm(folder, { recursive: true });
  }, 120_000);

  it.each(CASES.map(([name, , genuine], index) => [genuine ? 'takes' : 'refuses', name, index, String(genuine)] as const))('%s a webhook: %s', (_verb, _name, index, genuine) => {
    expect(judged[index]).toBe(genuine);
  });
});
