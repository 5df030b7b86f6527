import type { Chance } from './chance.js';
import type { Player } from './player.js';
import type { Stage, StageOptions } from './stage.js';
import type { Tally } from './tally.js';
import type { Load } from './timetable.js';

/** The full form is what a release has to pass; the short one shows in two minutes that nothing is grossly broken. */
export type Form = 'full' | 'short';

/** What a scenario has at hand while the calls are played. */
export interface Scene { readonly stage: Stage; readonly player: Player; readonly chance: Chance; readonly form: Form }

/** One way to be hurt, and what is allowed to come of it. */
export interface Scenario {
  readonly name: string;
  /** What it measures or has at once takes the whole machine: nothing else is played beside it. */
  readonly alone?: boolean;
  /** A reason why this machine cannot play it. */
  readonly unable?: () => Promise<string | undefined>;
  readonly load?: (form: Form) => Partial<Load>;
  readonly stage?: (form: Form) => StageOptions;
  /** Hurts, and mends again; runs beside the calls. Resolves with the number of processes that were killed, 0 by default. */
  readonly hurt: (scene: Scene) => Promise<number | void>;
  /** Webhooks come late by the receivers' own fault, which casts no doubt on what was heard. */
  readonly late?: boolean;
  /** Webhooks to these paths are not owed. */
  readonly leaveOut?: readonly string[];
  /** What else must hold when all has come and the daemons have stopped; what does not is returned. */
  readonly after?: (scene: Scene, tally: Tally) => Promise<readonly string[]>;
}
