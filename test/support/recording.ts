import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readRecording, type Recording } from '../../src/esl/recording.js';

const fixtures = new URL('../fixtures/', import.meta.url);

/** The unzipped bytes of a fixture, for example `protocol/sigterm.json.raw`. */
export function fixtureBytes(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`${name}.gz`, fixtures)));
}

/** A recorded call or load by its name, for example `calls/01-outbound-caller-hangup`. */
export function fixtureRecording(name: string): Promise<Recording> {
  return readRecording(new URL(`${name}.esl.gz`, fixtures).pathname);
}

/** What the tenants must receive for it: in order of occurrence. */
export function fixtureWebhooks<T = unknown>(name: string): T[] {
  return JSON.parse(fixtureBytes(`${name}.webhooks.json`).toString()) as T[];
}
