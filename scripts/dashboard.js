// Builds the dashboard: its scripts are compiled, and what a browser takes as it is lies beside them.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const [from, to] = ['src/dashboard', 'dist/dashboard'];

mkdirSync(to, { recursive: true });
// A script whose source is gone would be served on.
const sources = new Set(readdirSync(from).map((name) => name.replace(/\.ts$/, '.js')));
for (const name of readdirSync(to)) if (!sources.has(name)) rmSync(`${to}/${name}`, { recursive: true });
execFileSync(process.execPath, [compiler, '-p', from], { stdio: 'inherit' });
for (const name of readdirSync(from)) if (/\.(html|css|svg)$/.test(name)) copyFileSync(`${from}/${name}`, `${to}/${name}`);
