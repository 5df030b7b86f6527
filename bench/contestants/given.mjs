/** What the bench tells a contestant, as JSON in its first argument: ports, password, database; `tenants` becomes a set. */
export function given() {
  const { tenants, ...rest } = JSON.parse(process.argv[2]);
  return { ...rest, tenants: new Set(tenants) };
}
