// The limit: the same bodies, made before the clock starts, POSTed by node:http over keep-alive. No switch, no storage.
import { Agent, request } from 'node:http';
import { CONCURRENCY } from './post.mjs';

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

const post = ({ id, url, body }) => new Promise((resolve, reject) => {
  const sent = request(url, { agent, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length, authorization: 'Bearer key', 'webhook-id': id } },
    (answer) => { answer.resume().once('end', resolve); });
  sent.once('error', reject).end(body);
});

process.on('message', async ({ webhooks, receiver }) => {
  const prepared = webhooks.map(([id, domain, text]) => ({ id, url: new URL(`http://127.0.0.1:${receiver}/${domain}`), body: Buffer.from(text) }));
  const startedAtMs = performance.timeOrigin + performance.now();
  let next = 0;
  const lane = async () => { while (next < prepared.length) await post(prepared[next++]); };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  process.send({ startedAtMs });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
