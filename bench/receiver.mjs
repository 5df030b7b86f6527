// All tenants' receiver, in a process of its own: answers 204 at once and notes what came when.
import { createServer } from 'node:http';

const now = () => performance.timeOrigin + performance.now();
let ids = new Set();
let arrivals = [];
let noted = true;
let awaited = Infinity;
let well = true;
let hanging = new Set();

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => { chunks.push(chunk); }).on('end', () => {
    const atMs = now();
    if (hanging.has(request.url)) return;
    if (!well) { response.writeHead(503).end(); return; }
    response.writeHead(204).end();
    const before = ids.size;
    ids.add(request.headers['webhook-id']);
    if (ids.size === before) return; // a repeat
    if (noted) {
      const { call_id: id, state } = JSON.parse(Buffer.concat(chunks).toString());
      arrivals.push([`${id} ${state}`, atMs]);
    }
    if (before === 0) process.send({ first: true, atMs });
    if (ids.size % 100 === 0) process.send({ progress: ids.size });
    if (ids.size === awaited) process.send({ complete: true, atMs });
  });
});
server.keepAliveTimeout = 60_000;

const commands = {
  /** Forgets what came; says `complete` at the count. Only where asked it notes what came when. */
  expect({ count, note }) {
    ids = new Set();
    arrivals = [];
    noted = note;
    awaited = count;
    return {};
  },
  /** The count may be known later than the first webhooks come. */
  until({ count }) {
    awaited = count;
    if (ids.size === count) process.send({ complete: true, atMs: now() });
    return {};
  },
  /** Takes what comes, or answers 503; never answers what comes to the `hang` paths, nor counts it. */
  behave(how) {
    well = how.well ?? true;
    hanging = new Set(how.hang);
    return {};
  },
  count: () => ({ received: ids.size }),
  take: () => ({ arrivals }),
};

process.on('message', ({ command, ...given }) => { process.send({ answer: commands[command](given) }); });
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => { process.send({ port: server.address().port }); });
