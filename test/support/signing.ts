import type { Signing } from '../../src/subscriptions/subscription.js';
import { SigningKey } from '../../src/webhook/sign.js';

/** A secret for tests that need one and do not care which. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What a subscription with that secret signs with. */
export const signing: Signing = { kind: 'keys', current: SigningKey.of(SECRET)! };
