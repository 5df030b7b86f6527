import { execFileSync } from 'node:child_process';

/** Whether all of these programs are on this machine; where one is not, a line says that its tests are left out. */
export function onThisMachine(language: string, ...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) process.stderr.write(`left out, for ${missing.join(' and ')} is not on this machine: the tests in ${language}\n`);
  return missing.length === 0;
}
