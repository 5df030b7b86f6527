import type { SecureContext } from 'node:tls';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Clock } from '../clock.js';
import { headersIn } from '../config/headers.js';
import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { createOutgoing, type Outgoing } from './outgoing.js';
import { openSdk } from './sdk.js';
import { createTrace, type Trace } from './trace.js';

export interface TracingOptions {
  /** Where traces go; '' for nowhere. */
  url: string;
  /** See `headersIn`. */
  headers: string;
  share: number;
  /** This daemon's name, and the version of what runs. */
  daemon: string;
  version: string;
  /** Whom to trust; without it, the well-known authorities. */
  secureContext: SecureContext | undefined;
}

export interface TracingDeps { clock: Clock; random: () => number; log: Logger; metrics: Metrics }

/** What the daemon's parts tell, and what sends it; it has to be the last to stop. */
export interface Tracing { readonly trace: Trace; readonly service: Service }

/** Undefined where none is configured: then nothing of it is loaded, and nobody has anything to tell. */
export async function openTracing({ url, headers, share, daemon, ...rest }: TracingOptions, deps: TracingDeps): Promise<Tracing | undefined> {
  if (url === '') return undefined;
  const { log } = deps;
  const sdk = await openSdk({ ...rest, url, daemon, headers: headersIn(headers) ?? {} }, (span) => outgoing.add(span));
  const outgoing: Outgoing<ReadableSpan> = createOutgoing({ ...deps, send: (spans) => sdk.send(spans) });
  log.info('calls are traced', { to: new URL(url).host, share });
  return {
    trace: createTrace({ ...deps, record: (span) => sdk.record(span) }, { daemon, share }),
    service: {
      ...outgoing,
      async stop(hurry) { await outgoing.stop(hurry); sdk.close(); },
    },
  };
}
