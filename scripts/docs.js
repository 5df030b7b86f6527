// Writes the pages of the documentation that are made from the code.
import { writeFileSync } from 'node:fs';
import { madePages } from '../dist/pages/all.js';

for (const [path, text] of Object.entries(madePages())) writeFileSync(new URL(`../${path}`, import.meta.url), text);
