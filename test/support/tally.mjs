/**
 * A reporter that ends a run with its result alone on the last line, for whoever reads only that: `12 passed, 0 failed`, and
 * `, 1 skipped` where some were. A file that could not even be loaded counts as one that failed.
 */
export default class Tally {
  #out;

  constructor({ json }) {
    this.#out = json ? process.stderr : process.stdout; // with --json standard output is Jest's answer and nothing else
  }

  /** Printed when the process ends, for Jest's own summary and what the global teardown has to say come after this. */
  onRunComplete(_contexts, results) {
    process.once('exit', (code) => { this.#out.write(`${line(results, code)}\n`); });
  }
}

function line({ numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests }, exitCode) {
  const counted = numFailedTests + numRuntimeErrorTestSuites;
  // What fails besides tests (the teardown, say) must not read like success.
  const failed = exitCode === 0 ? counted : Math.max(counted, 1);
  const skipped = numPendingTests + numTodoTests;
  return `${numPassedTests} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}
