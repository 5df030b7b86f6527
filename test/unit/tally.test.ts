import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TALLY = fileURLToPath(new URL('../support/tally.mjs', import.meta.url));

interface Run { json?: boolean; failedTests?: number; brokenFiles?: number; skipped?: number; todo?: number; exitCode?: number }

/** What a process prints in which a run ended so, and in which other parts had their say after it. */
function ending({ json = false, failedTests = 0, brokenFiles = 0, skipped = 0, todo = 0, exitCode = 0 }: Run): Promise<{ stdout: string; stderr: string }> {
  const results = { numPassedTests: 12, numFailedTests: failedTests, numRuntimeErrorTestSuites: brokenFiles, numPendingTests: skipped, numTodoTests: todo };
  const script = `
    const { default: Tally } = await import(${JSON.stringify(TALLY)});
    new Tally(${JSON.stringify({ json })}).onRunComplete(new Set(), ${JSON.stringify(results)});
    console.log('the summary of Jest');
    process.exitCode = ${exitCode};`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', script], (_error, stdout, stderr) => resolve({ stdout, stderr }));
  });
}

describe('the last line of a test run', () => {
  it.each<[string, Run, string]>([
    ['counts what passed', {}, '12 passed, 0 failed'],
    ['counts what failed', { failedTests: 2, exitCode: 1 }, '12 passed, 2 failed'],
    ['counts a file that could not be loaded as one that failed', { failedTests: 2, brokenFiles: 1, exitCode: 1 }, '12 passed, 3 failed'],
    ['never says that nothing failed when the run did', { exitCode: 1 }, '12 passed, 1 failed'],
    ['says what was skipped or is still to be written', { skipped: 3, todo: 1 }, '12 passed, 0 failed, 4 skipped'],
  ])('%s', async (_rule, run, expected) => {
    expect(await ending(run)).toEqual({ stdout: `the summary of Jest\n${expected}\n`, stderr: '' });
  });

  it('leaves standard output to Jest where it prints JSON', async () => {
    expect(await ending({ json: true })).toEqual({ stdout: 'the summary of Jest\n', stderr: '12 passed, 0 failed\n' });
  });
});
