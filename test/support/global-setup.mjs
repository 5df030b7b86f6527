// .mjs, so that Node loads it and what it imports as they are: Jest would turn a .ts into CommonJS, where our imports mean something else.
import './load-typescript.mjs';

/** Starts the run's Postgres, unless TEST_DATABASE_URL names one, and tells the tests where it is through their environment. */
export default async function setUp() {
  const { startServer } = await import('./server.js');
  const server = await startServer(process.env.TEST_DATABASE_URL);
  globalThis.hookswitchTestServer = server;
  Object.assign(process.env, { TEST_DATABASE_URL: server.url, TEST_TEMPLATE: server.template });
}
