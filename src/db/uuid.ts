/** Whether Postgres would take it for a uuid, in the form that it writes. Anything else names no row, and must not become an error of the database. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}
