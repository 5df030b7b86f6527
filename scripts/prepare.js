// npm runs this after an install. A production install has no compiler and ships its dist/, so there is nothing to build then.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const compiler = (() => {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
})();
if (compiler) {
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  await import('./dashboard.js');
}
