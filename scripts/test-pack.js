// Whether the package works for who has nothing but the file that `npm pack` makes: installed into an empty folder and globally, and
// started by the machine's own Node. Says what it weighs and how long that takes.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'hookswitch-pack-'));
// Without what npm puts there for a script: the machine's Node, not the one that this checkout pins.
const PATH = process.env.PATH.split(delimiter).filter((entry) => !entry.includes('node_modules') && !entry.includes('node-gyp-bin')).join(delimiter);
// How the registry is reached stays as it is.
const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_)|npm_config_.*prefix$|HOOKSWITCH_|DATABASE_URL$|NODE_OPTIONS$|INIT_CWD$)/.test(name));
const env = { ...Object.fromEntries(inherited), PATH };

function run(command, args, cwd) {
  const startedMs = performance.now();
  const stdout = execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return { stdout: stdout.trim(), seconds: ((performance.now() - startedMs) / 1_000).toFixed(1) };
}

function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** Resolves with how a daemon ended that is told to stop as soon as it listens, and on which Node it ran. */
async function startAndStop(program, cwd) {
  const child = spawn(program, ['run'], { cwd, env: { ...env, HOOKSWITCH_HTTP_PORT: '0', HOOKSWITCH_SWITCH_PORT: '1', HOOKSWITCH_LOG_FORMAT: 'json' }, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => { child.once('close', resolve); });
  const lines = [];
  let node = '';
  for await (const text of createInterface(child.stdout)) {
    lines.push(JSON.parse(text));
    const { message, port } = lines.at(-1);
    if (message !== 'http listening') continue;
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    node = /^hookswitch_build_info\{.*node="([^"]+)"/m.exec(metrics)?.[1] ?? '';
    child.kill('SIGTERM');
  }
  return { code: await closed, stopped: lines.at(-1).message === 'stopped', node };
}

try {
  const file = join(folder, run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root).stdout);
  process.stdout.write(`${(statSync(file).size / 1e6).toFixed(1)} MB packed; the machine's Node is ${run('node', ['--version'], folder).stdout}\n`);

  const local = join(folder, 'local');
  mkdirSync(local);
  process.stdout.write(`npm install <file>: ${run('npm', ['install', file], local).seconds} s\n`);
  const told = run('npx', ['hookswitch', '--version'], local);
  expect('npx hookswitch --version', told.stdout, version);
  process.stdout.write(`npx hookswitch --version: ${told.seconds} s\n`);
  process.stdout.write(`npx hookswitch demo --pace full: ${run('npx', ['hookswitch', 'demo', '--pace', 'full'], local).seconds} s\n`);
  const daemon = await startAndStop(join(local, 'node_modules/.bin/hookswitch'), local);
  expect('exit code of a daemon that gets SIGTERM', daemon.code, 0);
  expect('that it has stopped in order', daemon.stopped, true);
  expect('the major version of the Node that it ran on', daemon.node.split('.')[0], dependencies.node.split('.')[0]);
  process.stdout.write(`the daemon ran on Node ${daemon.node}\n`);

  const prefix = join(folder, 'global');
  process.stdout.write(`npm install --global <file>: ${run('npm', ['install', '--global', '--prefix', prefix, file], folder).seconds} s\n`);
  expect('hookswitch --version', run(join(prefix, 'bin/hookswitch'), ['--version'], folder).stdout, version);
  process.stdout.write('The packed file installs and runs.\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
