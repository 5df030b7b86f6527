/** Stops what the global setup started; a run that never comes here is cleaned up by the next one. */
export default async function tearDown() {
  await globalThis.hookswitchTestServer?.stop();
}
