import type { Config } from '../config.js';
import { forgetPastSecrets } from '../db/receivers.js';
import { reseal } from '../db/reseal.js';
import { keyIdOf, keyOf, newKey, vaultOf } from '../seal.js';
import type { Answer, Work } from './answer.js';
import { CommandError } from './failure.js';

/** A new key to seal with. It is in the answer and nowhere else. */
export function createKey(): Answer {
  const key = newKey();
  const id = keyIdOf(keyOf(key)!);
  return { json: { key, key_id: id }, text: `${key}\nIts id is ${id}. Put it first in HOOKSWITCH_ENCRYPTION_KEYS, and keep a copy apart from the database: what it seals cannot be read without it.` };
}

/** Seals everything with the first key. @throws CommandError `configuration` without one, `failure` where something cannot be opened: the keys that are named are still needed. */
export function rotateKey({ encryption }: Config): Work {
  const [first] = encryption.keys;
  if (first === undefined) throw new CommandError('configuration', 'There is no key to seal with. Make one with `hookswitch key new` and set HOOKSWITCH_ENCRYPTION_KEYS');
  const id = keyIdOf(keyOf(first)!);

  return async (db) => {
    await forgetPastSecrets(db);
    const { sealed, locked, damaged } = await reseal(db, vaultOf(encryption.keys), 'all');
    const done = `Sealed ${sealed} ${sealed === 1 ? 'value' : 'values'} with key ${id}.`;
    const faults = [...locked].map(([keyId, count]) => `${count} sealed with key ${keyId}, which is not configured`);
    if (damaged > 0) faults.push(`${damaged} damaged`);
    if (faults.length > 0) throw new CommandError('failure', `${done} Not opened, and left as they are: ${faults.join('; ')}.`);
    return { json: { sealed, key_id: id }, text: `${done} Nothing is sealed with another key any more.` };
  };
}
