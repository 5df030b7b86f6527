// A process that holds an embedded Postgres: says so in one line, lets go and ends when it is told anything.
import './load-typescript.mjs';

const { openEmbedded } = await import('../../src/db/embedded.js');
const { silentLog } = await import('./silent-log.js');

const { url, owned, stop } = await openEmbedded({ folder: process.argv[2], log: silentLog });
process.stdout.write(`${JSON.stringify({ url, owned })}\n`);
process.stdin.once('data', () => { void stop().then(() => process.exit()); });
