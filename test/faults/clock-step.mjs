// Loaded into a daemon before its own code: with SIGUSR2 the wall clock is put forward by an hour, with the next one back again.
const Real = Date;
let stepMs = 0;

globalThis.Date = class extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + stepMs);
    else super(...args);
  }

  static now() { return Real.now() + stepMs; }
};

process.on('SIGUSR2', () => { stepMs = stepMs === 0 ? 3_600_000 : 0; });
