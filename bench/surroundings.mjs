import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };

if (parseInt(process.versions.node, 10) !== parseInt(packageJson.dependencies.node, 10)) {
  throw new Error(`This is Node ${process.versions.node}: "npm run" takes the one that the package pins, which the daemon runs on, too`);
}
const PROGRAM = fileURLToPath(new URL('../bin/hookswitch.js', import.meta.url));

/** One of the processes beside the daemon; it first says its port. `said` takes one kind of what it says by itself, `onProgress` hears of each. */
export async function startHelper(file, args = [], onProgress = () => {}) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--max-old-space-size=8192'], serialization: 'advanced' });
  const waiting = [];
  const unheard = [];
  child.on('message', (message) => {
    if ('progress' in message) return onProgress(message.progress);
    if ('first' in message && !waiting.some(({ key }) => key === 'first')) return; // asked for by few
    const index = waiting.findIndex(({ key }) => key in message);
    if (index < 0) unheard.push(message); else waiting.splice(index, 1)[0].resolve(message);
  });
  child.on('exit', (code) => { for (const { reject } of waiting) reject(new Error(`${file} ended with ${code}`)); });
  const said = (key) => new Promise((resolve, reject) => {
    const index = unheard.findIndex((message) => key in message);
    if (index < 0) waiting.push({ key, resolve, reject }); else resolve(unheard.splice(index, 1)[0]);
  });
  const { port } = await said('port');
  return {
    port, said, pid: child.pid,
    /** One command at a time. */
    async ask(command, given = {}) {
      child.send({ command, ...given });
      return (await said('answer')).answer;
    },
    /** What was said of this kind and not taken is of no interest any more. */
    forget(key) { for (let index = unheard.length; index-- > 0;) if (key in unheard[index]) unheard.splice(index, 1); },
    tell: (message) => { if (child.connected) child.send(message); },
    stop() { if (child.connected) child.disconnect(); }, // a Ctrl-C has ended it already
  };
}

/** The daemon as ops run it (the first line of PROGRAM), a process of its own. Resolves when it listens to the switch. */
export async function startDaemon(player, env, flags = []) {
  const port = await freePort();
  player.forget('subscribed');
  const child = spawn(process.execPath, ['--max-semi-space-size=8', ...flags, PROGRAM, 'run'], {
    env: { PATH: process.env.PATH, ...env, MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768', HOOKSWITCH_HTTP_PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const ended = exited.then(([code, signal]) => { throw new Error(`The daemon ended with ${code ?? signal}`); });
  ended.catch(() => {}); // after its stop nobody waits for it
  await Promise.race([player.said('subscribed'), ended]);
  return {
    pid: child.pid, port,
    /** Notices that it has read and not yet committed. */
    async buffered() { return (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()).checks.buffer.notices; },
    /** Rejects when the daemon ends by itself meanwhile. */
    during: (work) => Promise.race([work, ended]),
    async stop() { child.kill('SIGTERM'); await exited; },
  };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
