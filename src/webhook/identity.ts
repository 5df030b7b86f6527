import { hash } from 'node:crypto';

/**
 * The id of a webhook, derived from what it says and never random: whichever process makes it, and however often, it is the same.
 * A UUID of version 8 (RFC 9562, 5.8: custom contents), its other 122 bits from SHA-256.
 */
export function deliveryId(subscriptionId: string, flowId: string, subjectId: string, state: string): string {
  const bytes = digest(subscriptionId, flowId, subjectId, state).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The lane of a delivery: what goes to one URL about one flow, in order. A signed 64-bit number in decimal, as Postgres writes a bigint. */
export function laneKey(url: string, flowId: string): string {
  return digest(url, flowId).readBigInt64BE().toString();
}

/** A receiver, small enough for every index: a signed 64-bit number in decimal. */
export function urlKey(url: string): string {
  return digest(url).readBigInt64BE().toString();
}

/** JSON keeps the parts apart: ids come from the wire, where any separator may turn up inside one. */
function digest(...parts: string[]): Buffer {
  return hash('sha256', JSON.stringify(parts), 'buffer');
}
