import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const FOLDER = new URL('../../var/screenshots/', import.meta.url).pathname;
const LANGUAGES = ['en', 'vi'] as const;
const THEMES = ['light', 'dark'] as const;
const PHONE = 360;

interface Found { violations: { id: string; impact: string; help: string; nodes: { html: string }[] }[] }

/** Has the page show itself in a language and a theme, by its own switches. */
export async function dress(page: Page, language: string, theme: string): Promise<void> {
  if (await page.evaluate<string>('document.documentElement.lang') !== language) await page.click('#language');
  if (await page.evaluate<string>('document.documentElement.dataset.theme') !== theme) await page.click('#theme');
  await page.waitForSelector(`html[lang="${language}"][data-theme="${theme}"]`);
}

/**
 * All that is wrong with the page as it is now, in both languages, both themes and on a phone: what axe finds serious, texts of the
 * other language, and what is wider than the screen. A picture of each way is kept.
 */
export async function faultsOf(page: Page, name: string): Promise<string[]> {
  await mkdir(FOLDER, { recursive: true });
  const faults: string[] = [];
  const { width, height } = page.viewportSize()!;
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      await dress(page, language, theme);
      await page.screenshot({ path: join(FOLDER, `${name}-${language}-${theme}.png`), fullPage: true });
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate<Found>(`axe.run(document, { resultTypes: ['violations'] })`);
      faults.push(...violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, help, nodes }) => `${name} ${language} ${theme}: ${id}: ${help}: ${nodes[0]?.html.slice(0, 200)}`));
    }
    await page.setViewportSize({ width: PHONE, height: 740 });
    await page.screenshot({ path: join(FOLDER, `${name}-${language}-phone.png`), fullPage: true });
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
    if (wide > PHONE) faults.push(`${name} ${language}: ${wide} px wide on a phone`);
    await page.setViewportSize({ width, height });
  }
  await dress(page, 'en', 'light');
  return faults;
}
