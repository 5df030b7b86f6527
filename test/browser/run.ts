/** Drives the dashboard in a real browser, against the real daemon. Where there is no Chromium it says so and does nothing. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { findChromium } from './chromium.js';
import { faultsOf } from './looks.js';
import { openStage, type Stage } from './stage.js';

const PATIENCE_MS = 60_000;

const executable = findChromium();
if (executable === undefined) console.log('SKIPPED: the browser test needs Chromium, and there is none on the PATH (on Debian: apt-get install chromium).');
else {
  await test('the dashboard', { timeout: 600_000 }, async (context) => {
    const stage = await openStage(executable);
    try {
      await drive(stage, context);
    } finally {
      await stage.close();
    }
  });
}

async function signIn(page: Page, { daemon }: Stage, token: string): Promise<void> {
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(daemon.api);
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** One story, told in its order: each step stands on those before. */
async function drive(stage: Stage, context: TestContext): Promise<void> {
  const { tokens, receiver, complaints } = stage;
  const tenant = await stage.page();
  const admin = await stage.page();
  const [many, four] = [tenant.locator('tbody tr:nth-child(5)'), tenant.locator('tbody:not(:has(tr:nth-child(5))) tr:nth-child(4)')];
  const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor();

  await context.test('a wrong token is refused with advice, and looks right', async () => {
    await signIn(tenant, stage, 'hsk_wrong');
    await tenant.locator('#token-error', { hasText: 'This token does not work.' }).waitFor();
    assert.deepEqual(await faultsOf(tenant, 'sign-in'), []);
  });

  await context.test('a good one opens the tenant’s page, is kept for the tab and never stands in an address', async () => {
    const asked: string[] = [];
    tenant.on('request', (request) => asked.push(request.url()));
    await tenant.getByLabel('Token', { exact: true }).fill(tokens.tenant);
    await tenant.getByRole('button', { name: 'Sign in' }).click();
    await heading(tenant, 'Subscriptions');
    await tenant.getByText('There is no subscription yet.').waitFor();
    assert.deepEqual(await faultsOf(tenant, 'subscriptions-empty'), []);
    await tenant.reload();
    await heading(tenant, 'Subscriptions');
    assert.deepEqual([...asked, tenant.url()].filter((url) => url.includes(tokens.tenant)), []);
    assert.equal(await tenant.evaluate('localStorage.length > 2 || Object.values(localStorage).some((value) => value.startsWith("hsk_"))'), false);
  });

  await context.test('a wrong address is refused at its field', async () => {
    await tenant.getByRole('button', { name: 'Add a subscription' }).click();
    await tenant.getByLabel('Address (URL)').fill('ftp://example.com/');
    await tenant.getByRole('button', { name: 'Add', exact: true }).click();
    await tenant.locator('#new-url-error').waitFor();
    await tenant.locator('#new-url:focus').waitFor();
    assert.deepEqual(await faultsOf(tenant, 'subscription-form'), []);
  });

  await context.test('subscriptions are added, one for each event', async () => {
    await tenant.getByLabel('Address (URL)').fill(receiver.url);
    await tenant.getByRole('button', { name: 'Add', exact: true }).click();
    await tenant.locator('main li.card').nth(3).waitFor();
    assert.equal(await tenant.locator('main li.card').count(), 4);
  });

  await context.test('a test call is sent and seen to arrive', async () => {
    await tenant.getByRole('button', { name: /^Send a test call: Ringing/ }).click();
    await receiver.received(4);
    await tenant.getByRole('link', { name: 'See it arrive' }).click();
    await heading(tenant, 'Call');
    await tenant.locator('.sent .badge.good').nth(3).waitFor();
    await tenant.getByText('Request and answers').first().click();
    await tenant.getByText('"state": "ringing"').waitFor();
    assert.deepEqual(await faultsOf(tenant, 'call'), []);
  });

  await context.test('a secret is made anew only when asked twice', async () => {
    await tenant.getByRole('link', { name: 'Subscriptions' }).click();
    const card = tenant.locator('main li.card').first();
    await card.getByRole('button', { name: /^Show secret/ }).click();
    const before = await card.locator('.secret').textContent();
    await card.getByRole('button', { name: /^New secret/ }).click();
    await card.getByRole('button', { name: 'Yes, make a new secret' }).click();
    await card.getByText('signs as well until').waitFor();
    assert.notEqual(await card.locator('.secret').textContent(), before);
    assert.deepEqual(await faultsOf(tenant, 'subscriptions'), []);
  });

  await context.test('the operator sees the switch, a live call, and the charts', async () => {
    await signIn(admin, stage, tokens.admin);
    await heading(admin, 'Overview');
    await admin.locator('.chart').first().waitFor();
    context.diagnostic(await figuresOf(stage));
    await stage.call('calls/06-inbound-ext-answered', 12);
    await admin.getByRole('table', { name: 'Calls now' }).getByText('→').first().waitFor();
    await admin.getByText('Connected', { exact: true }).waitFor();
  });

  await context.test('focus stays where it is while the page changes under it', async () => {
    const link = admin.getByRole('table', { name: 'Calls now' }).getByRole('link').first();
    await link.focus();
    const [href, rows] = [await link.getAttribute('href'), admin.getByRole('table', { name: 'Calls now' }).locator('tbody tr')];
    const before = await rows.count();
    await stage.call('calls/15-local-call', 6);
    await rows.nth(before).waitFor();
    assert.equal(await admin.evaluate('document.activeElement.getAttribute("href")'), href);
  });

  await context.test('when the receiver breaks, its address is seen to be left alone', async () => {
    receiver.otherwise(500);
    await stage.call('calls/06-inbound-ext-answered');
    await admin.getByRole('table', { name: 'Receivers in trouble' }).getByText('Left alone').waitFor();
    assert.deepEqual(await faultsOf(admin, 'overview'), []);
  });

  await context.test('what was given up is found, and sent again once the receiver is mended', async () => {
    await tenant.getByRole('link', { name: 'Deliveries', exact: true }).click();
    await tenant.getByLabel('State').focus();
    await tenant.getByLabel('State').selectOption('failed');
    await tenant.getByText('Given up').nth(3).waitFor();
    assert.equal(await tenant.evaluate('document.activeElement.id'), 'state');
    assert.deepEqual(await faultsOf(tenant, 'deliveries'), []);
    receiver.otherwise(200);
    await tenant.getByText('Send again what did not arrive').click();
    await tenant.getByRole('button', { name: 'Send again', exact: true }).click();
    await tenant.locator('progress[data-state="finished"]').waitFor();
    await tenant.getByText('Nothing fits this search.').waitFor();
    assert.deepEqual(await faultsOf(tenant, 'deliveries-replayed'), []);
    await admin.getByText('All receivers are well.').waitFor();
  });

  await context.test('the operator disables and enables a subscription', async () => {
    await admin.getByRole('link', { name: 'Subscriptions' }).click();
    const card = admin.locator('main li.card').first();
    await card.getByRole('button', { name: /^Disable/ }).click();
    await card.getByText('Disabled', { exact: true }).waitFor();
    assert.deepEqual(await faultsOf(admin, 'subscriptions-all'), []);
    await card.getByRole('button', { name: /^Enable/ }).click();
    await card.getByText('Enabled', { exact: true }).waitFor();
  });

  await context.test('a search by number finds the calls of it', async () => {
    await tenant.getByRole('link', { name: 'Deliveries', exact: true }).click();
    await many.waitFor();
    await tenant.getByLabel('Number or call').fill('+1 202 555 0143');
    await tenant.getByRole('button', { name: 'Search' }).click();
    await four.waitFor();
  });

  await context.test('an answer that comes late does not replace that of a later search', async () => {
    const everything = /\/v1\/delivery\?limit=50$/;
    let release = () => {};
    const held = new Promise<void>((resolve) => { release = resolve; });
    await tenant.route(everything, async (route) => { await held; await route.continue(); });
    await tenant.getByRole('link', { name: 'Deliveries', exact: true }).click();
    await tenant.getByText('Loading …').waitFor();
    await tenant.getByLabel('Number or call').fill('+1 202 555 0143');
    await tenant.getByRole('button', { name: 'Search' }).click();
    await four.waitFor();
    const late = tenant.waitForResponse(everything);
    release();
    await (await late).finished();
    await tenant.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
    assert.deepEqual([await four.count(), await many.count()], [1, 0]);
    await tenant.unroute(everything);
  });

  await context.test('it speaks Vietnamese to a browser that does', async () => {
    const page = await stage.page({ locale: 'vi-VN' });
    await page.goto(stage.daemon.api);
    await page.getByRole('button', { name: 'Đăng nhập' }).waitFor();
    await page.context().close();
  });

  await context.test('signing out forgets the token', async () => {
    await tenant.click('#sign-out');
    await tenant.locator('#token').waitFor();
    assert.equal(await tenant.evaluate('sessionStorage.length'), 0);
  });

  await context.test('the page has complained of nothing, and broken no rule of its policy', () => { assert.deepEqual(complaints, []); });
}

/** What a first visit costs, with nothing kept, by the browser's own figures. */
async function figuresOf(stage: Stage): Promise<string> {
  const page = await stage.page();
  await signIn(page, stage, stage.tokens.admin);
  await page.locator('.chart').first().waitFor();
  const kept = await page.evaluate<string>('sessionStorage.getItem("hookswitch.token")');
  await page.context().close();
  const fresh = await stage.page();
  await fresh.addInitScript(`sessionStorage.setItem('hookswitch.token', ${JSON.stringify(kept)}); new MutationObserver(() => { if (window.chartAt === undefined && document.querySelector('.chart')) window.chartAt = performance.now(); }).observe(document, { childList: true, subtree: true });`);
  await fresh.goto(stage.daemon.api);
  await fresh.locator('.chart').first().waitFor();
  const figures = await fresh.evaluate<{ requests: number; bytes: number; chart: number }>(`(() => {
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(({ name }) => !name.includes('/v1/'));
    return { requests: all.length, bytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0), chart: Math.round(window.chartAt) };
  })()`);
  await fresh.context().close();
  return `first view: ${figures.requests} requests, ${figures.bytes} bytes; first chart after ${figures.chart} ms`;
}
