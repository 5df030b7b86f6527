#!/usr/bin/env -S node --max-semi-space-size=8
// The flag above keeps the young generation small: what lives long here lives in Postgres. Give it, too, when calling this file with node.
// Names are resolved on libuv's threads, four unless told otherwise: a few dead name servers would hold up every webhook.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { main } = await import('../dist/cli.js');

// Not process.exit(): what is still on its way to a pipe would be cut.
process.exitCode = await main(process.argv.slice(2), process);
