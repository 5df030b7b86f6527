import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { addDomain } from '../../src/db/tenants.js';
import { insertToken } from '../../src/db/tokens.js';
import { freshCall } from '../../src/esl/fresh-call.js';
import { hashToken, newToken } from '../../src/http/token.js';
import { startDaemon } from '../support/daemon.js';
import { createDatabase } from '../support/postgres.js';
import { startReceiver } from '../support/receiver.js';
import { fixtureRecording } from '../support/recording.js';
import { startServer } from '../support/server.js';
import { startSwitch } from '../support/switch.js';

export const DOMAIN = 'acme.example';

/** Quick to open, to try again and to give up, so that a test need not wait. */
const CONFIG = { delivery: { breaker: { failures: 3, firstProbeMs: 300, lastProbeMs: 600 } } };

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** A database, a switch, a receiver, the daemon between them, a token of a tenant and one of the operator, and a browser. */
export async function openStage(executablePath: string) {
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-browser-'));
  const server = await startServer(process.env['TEST_DATABASE_URL']);
  Object.assign(process.env, { TEST_DATABASE_URL: server.url, TEST_TEMPLATE: server.template });
  const [database, receiver, pbx] = [await createDatabase(), await startReceiver(), await startSwitch()];
  await writeFile(join(folder, 'config.json'), JSON.stringify(CONFIG));
  const daemon = await startDaemon({
    DATABASE_URL: database.url, HOOKSWITCH_SWITCH_PORT: String(pbx.port), HOOKSWITCH_SWITCH_NAME: 'office', HOOKSWITCH_DATA_DIR: folder, HOOKSWITCH_CONFIG: join(folder, 'config.json'), HOOKSWITCH_RETRY_MS: '50',
  });
  await daemon.said('reconciled with the switch');
  const { domain } = await addDomain(database.pool, DOMAIN);
  const tokenOf = async (domainId: string | null) => {
    const token = newToken();
    await insertToken(database.pool, { sha256: hashToken(token), label: 'browser', domainId, expiresAt: null });
    return token;
  };
  const tokens = { tenant: await tokenOf(domain.id), admin: await tokenOf(null) };
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const complaints: string[] = [];
  let sequence = 0;

  return {
    daemon, receiver, pbx, tokens, complaints, database,
    /** A browser of its own, in this language, with nothing kept from before. What the page complains of is kept. */
    async page({ locale = 'en-GB', width = 1_280 } = {}): Promise<Page> {
      const context = await browser.newContext({ locale, viewport: { width, height: 900 }, timezoneId: 'Asia/Ho_Chi_Minh', colorScheme: 'light', reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text()); });
      page.on('pageerror', (error) => { complaints.push(error.message); });
      return page;
    },
    /** A recorded call as one of the tenant's that takes place now. Resolves when the switch has said so many of its events. */
    async call(name: string, events = Infinity): Promise<void> {
      const fresh = freshCall(await fixtureRecording(name), { nowMs: Date.now(), speed: 1, domain: DOMAIN, sequence, random: Math.random, newUuid: randomUUID });
      ({ sequence } = fresh);
      await pbx.replay.play({ events: fresh.recording.events.slice(0, events) }, { pace: 'full' });
    },
    async close(): Promise<void> {
      await browser.close();
      await daemon.stop('SIGTERM');
      await Promise.all([receiver.close(), pbx.close()]);
      await database.drop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
