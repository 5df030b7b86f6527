const DAY_MS = 86_400_000;
const LONGEST_DAYS = 36_500;

/** When a token ends: after a number of days, or at the end of a day in UTC (`2027-12-31`), or at an instant (ISO 8601). Undefined where the text is none of these, or in the past. */
export function parseExpiry(text: string, now: Date): Date | undefined {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= LONGEST_DAYS ? new Date(now.getTime() + Number(text) * DAY_MS) : undefined;
  const day = /^\d{4}-\d\d-\d\d$/.test(text);
  if (!day && !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const at = new Date(Date.parse(text) + (day ? DAY_MS : 0));
  // The parser of Date takes 30 February for 2 March; what does not read back as it was written is none.
  if (Number.isNaN(at.getTime()) || (day && new Date(Date.parse(text)).toISOString().slice(0, 10) !== text)) return undefined;
  return at > now ? at : undefined;
}
