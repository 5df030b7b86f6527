import type { Service } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Vault } from '../seal.js';
import type { Queryable } from './pool.js';
import { reseal } from './reseal.js';

/** At start, seals what was stored before there was a key or by tools that know of none, before anybody reads it; or says that there is no key. */
export function createSealing({ db, vault, log }: { db: Queryable; vault: Vault; log: Logger }): Service {
  return {
    name: 'sealing',
    async start() {
      if (vault.prefix === undefined) {
        log.warn('keys and secrets are stored unsealed, for there is no encryption key', {
          remedy: 'put what `openssl rand -base64 32` or `hookswitch key new` prints into HOOKSWITCH_ENCRYPTION_KEYS, and keep a copy',
        });
        return;
      }
      const { sealed } = await reseal(db, vault, 'plain');
      if (sealed > 0) log.info('keys and secrets that were stored unsealed are sealed', { sealed });
    },
    stop: () => Promise.resolve(),
  };
}
