/**
 * Groups by day, each group in its order. A statement for one day has that as a parameter of its own, by which Postgres finds the one
 * partition before it begins; given the days row by row, it would prepare to look into all of them.
 */
export function byDay<T>(values: readonly T[], dayOf: (value: T) => string): Map<string, T[]> {
  const days = new Map<string, T[]>();
  for (const value of values) {
    const day = dayOf(value);
    const group = days.get(day);
    if (group === undefined) days.set(day, [value]);
    else group.push(value);
  }
  return days;
}
