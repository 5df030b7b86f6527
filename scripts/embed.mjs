// Puts files into pages: the code block after `<!-- file: PATH -->` (relative to the page) is that file.
//
//   node scripts/embed.mjs          writes the pages
//   node scripts/embed.mjs --check  writes nothing, and fails where a page shows something else than the file
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname } from 'node:path';

const DOCS = new URL('../docs/', import.meta.url);
const LANGUAGES = { js: 'js', mjs: 'js', py: 'python', php: 'php', go: 'go', cs: 'csharp' };
const BLOCK = /^<!-- file: (\S+) -->\n```\w*\n[^]*?\n```$/gm;

const stale = [];
for (const name of readdirSync(DOCS, { recursive: true }).filter((file) => file.endsWith('.md'))) {
  const page = new URL(name, DOCS);
  const now = readFileSync(page, 'utf8');
  const then = now.replace(BLOCK, (_block, path) => {
    const text = readFileSync(new URL(path, page), 'utf8').trimEnd();
    return `<!-- file: ${path} -->\n\`\`\`${LANGUAGES[extname(path).slice(1)] ?? ''}\n${text}\n\`\`\``;
  });
  if (then === now) continue;
  stale.push(`docs/${name}`);
  if (!process.argv.includes('--check')) writeFileSync(page, then);
}
if (process.argv.includes('--check') && stale.length > 0) {
  process.stderr.write(`Not what the files say that it shows: ${stale.join(', ')}. Run: npm run docs:embed\n`);
  process.exitCode = 1;
}
