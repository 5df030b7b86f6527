import { readFileSync } from 'node:fs';
import { isGenuine } from './verify.js';

for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const [id, timestamp, signature, body, secret, now] = line.split('\t').map((field) => Buffer.from(field, 'base64'));
  const headers = { 'webhook-id': String(id), 'webhook-timestamp': String(timestamp), 'webhook-signature': String(signature) };
  console.log(isGenuine(headers, body, String(secret), Number(String(now))));
}
