import type { Language } from './words.js';

/** Figures and times as the viewer writes them, in the viewer's time zone. */
export interface Format {
  number(value: number, digits?: number): string;
  /** 0.5 as 50 %. */
  percent(share: number): string;
  /** Day and time, to the second. */
  moment(iso: string): string;
  /** The time of day, to the second. */
  time(iso: string): string;
  /** How long: 850 ms, 12 s, 3 min 5 s. */
  span(ms: number): string;
  /** The same as briefly as can be, for the axis of a chart. */
  brief(ms: number): string;
  /** How long since: the span from `iso` to `nowMs`. */
  since(iso: string, nowMs: number): string;
}

/** See `Format`. `tags` are the browser's own: they choose among the ways in which one language is written. */
export function formatIn(language: Language, tags: readonly string[], timeZone?: string): Format {
  const locale = tags.find((tag) => tag.toLowerCase().startsWith(language)) ?? (language === 'vi' ? 'vi-VN' : 'en-GB');
  const zone = timeZone === undefined ? {} : { timeZone };
  const moments = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', ...zone });
  const times = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', ...zone });
  const unit = (value: number, name: string, digits = 0) => new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);

  const plain = (value: number, digits = 0) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);

  function span(ms: number): string {
    const whole = Math.max(0, ms);
    if (whole < 1_000) return `${plain(whole, whole < 10 ? 1 : 0)} ms`; // written out, it is long in some languages and means nothing to more people
    const seconds = Math.floor(whole / 1_000);
    if (seconds < 60) return unit(whole / 1_000, 'second', whole < 10_000 ? 1 : 0);
    const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)];
    if (hours === 0) return pair(unit(minutes, 'minute'), seconds % 60, 'second');
    return hours < 24 ? pair(unit(hours, 'hour'), minutes % 60, 'minute') : pair(unit(Math.floor(hours / 24), 'day'), hours % 24, 'hour');
  }
  const pair = (first: string, rest: number, name: string) => (rest === 0 ? first : `${first} ${unit(rest, name)}`);

  return {
    number: plain,
    percent: (share) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: share > 0.99 && share < 1 ? 2 : 1 }).format(share),
    moment: (iso) => moments.format(new Date(iso)),
    time: (iso) => times.format(new Date(iso)),
    span,
    brief: (ms) => (ms < 1_000 ? `${plain(ms, 1)} ms` : `${plain(ms / 1_000, 1)} s`),
    since: (iso, nowMs) => span(nowMs - new Date(iso).getTime()),
  };
}
