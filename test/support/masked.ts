import type { Payload } from '../../src/calls/notice.js';

const NUMBERS = ['from_number', 'to_number', 'hotline'] as const;

/**
 * Which number stands for which, read off webhooks and what they would have been; throws where one stands for two, two for one, or
 * the lengths differ.
 */
export function numbersBetween(were: readonly Payload[], are: readonly Payload[]): Map<string, string> {
  const others = new Map<string, string>();
  were.forEach((payload, index) => {
    for (const field of NUMBERS) {
      const [was, is] = [payload[field].replace(/^\+/, ''), are[index]![field].replace(/^\+/, '')];
      if (!/^\d{3,}$/.test(was)) continue;
      if (was.length !== is.length || (others.get(was) ?? is) !== is) throw new Error(`${was} became ${is} and ${others.get(was)}`);
      others.set(was, is);
    }
  });
  if (new Set(others.values()).size !== others.size) throw new Error('Two numbers became one');
  return others;
}

/** The webhook as it must be where these numbers stand for those; a recording's name may hold one, too. */
export function withNumbers(payload: Payload, others: ReadonlyMap<string, string>): Payload {
  const renamed = (text: string) => text.replace(/\d{3,}/g, (digits) => others.get(digits) ?? digits);
  const { from_number, to_number, hotline, recording_url } = payload;
  return { ...payload, from_number: renamed(from_number), to_number: renamed(to_number), hotline: renamed(hotline), ...(recording_url !== undefined && { recording_url: renamed(recording_url) }) };
}
