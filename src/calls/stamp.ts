const HOUR_S = 3_600;

/** Cuts the switch's microseconds to whole seconds, as FreeSWITCH's own `*_epoch` variables are cut. */
export function wholeSeconds(us: number): number {
  return Math.floor(us / 1_000_000);
}

/**
 * Makes a formatter of microseconds since 1970 to `YYYY-MM-DD HH:mm:ss` in an IANA zone; '' for undefined.
 * Offsets change on quarter hours at the finest, so one look-up serves a quarter hour: Intl is too slow for each stamp.
 */
export function stampIn(timeZone: string): (us: number | undefined) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  let quarter = NaN;
  let offset = 0;

  function offsetAt(second: number): number {
    const current = Math.floor(second / (HOUR_S / 4));
    if (current !== quarter) {
      const parts = Object.fromEntries(format.formatToParts(second * 1_000).map(({ type, value }) => [type, Number(value)]));
      const shown = Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute'], parts['second']) / 1_000;
      quarter = current;
      offset = shown - second;
    }
    return offset;
  }

  return (us) => {
    if (us === undefined) return '';
    const second = wholeSeconds(us);
    return new Date((second + offsetAt(second)) * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  };
}
