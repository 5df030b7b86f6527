// Draws docs/diagrams/*.txt, each a kind of call, as NAME.svg (English) and NAME.vi.svg (Vietnamese).
//
//   node scripts/diagrams.mjs          writes the pictures
//   node scripts/diagrams.mjs --check  writes nothing, and fails where a picture is not what its text says
//   node scripts/diagrams.mjs --json   prints what the texts say, as JSON
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readDescription } from './diagrams/description.mjs';
import { draw } from './diagrams/drawing.mjs';

const FOLDER = new URL('../docs/diagrams/', import.meta.url);
const names = readdirSync(FOLDER).filter((file) => file.endsWith('.txt')).map((file) => file.slice(0, -'.txt'.length)).sort();
const calls = names.map((name) => readDescription(name, readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8')));
const pictures = calls.flatMap((call) => [[`${call.name}.svg`, draw(call, 0)], [`${call.name}.vi.svg`, draw(call, 1)]]);

if (process.argv.includes('--json')) process.stdout.write(JSON.stringify(calls));
else if (process.argv.includes('--check')) check();
else for (const [file, svg] of pictures) writeFileSync(new URL(file, FOLDER), svg);

function check() {
  const drawn = new Map(pictures);
  const present = readdirSync(FOLDER).filter((file) => file.endsWith('.svg'));
  const wrong = [
    ...present.filter((file) => drawn.get(file) !== readFileSync(new URL(file, FOLDER), 'utf8')),
    ...[...drawn.keys()].filter((file) => !present.includes(file)),
  ];
  if (wrong.length === 0) return;
  process.stderr.write(`Not what the text beside it says: ${wrong.join(', ')}. Run: npm run docs:diagrams\n`);
  process.exitCode = 1;
}
