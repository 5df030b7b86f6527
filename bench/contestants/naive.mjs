// What most would write in an afternoon: events in, POSTs out, nothing stored.
import PQueue from 'p-queue';
import { listen } from './listen.mjs';
import { CONCURRENCY, post } from './post.mjs';
import { given } from './given.mjs';

const queue = new PQueue({ concurrency: CONCURRENCY });
listen(given(), (webhook) => { queue.add(() => post(webhook)).catch((error) => { console.error(error.code ?? error.message); }); });
