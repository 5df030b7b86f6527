import type { Scenario } from './scenario.js';
import * as daemon from './scenarios/daemon.js';
import * as fairness from './scenarios/fairness.js';
import * as link from './scenarios/link.js';
import * as pair from './scenarios/pair.js';
import * as postgres from './scenarios/postgres.js';
import * as receiver from './scenarios/receiver.js';
import * as surroundings from './scenarios/surroundings.js';

/** All of them, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [daemon, postgres, link, pair, receiver, fairness, surroundings].flatMap((file) => Object.values(file));
