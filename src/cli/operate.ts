import { Option, type Command } from 'commander';
import { systemClock } from '../clock.js';
import type { Config } from '../config.js';
import type { Answer } from './answer.js';
import type { CheckOptions } from './check.js';
import { apiAddress } from './check/api.js';
import { CommandError } from './failure.js';
import type { RecordOptions } from './record.js';
import type { SimulateOptions } from './simulate.js';
import { untilSignal } from './stopping.js';
import type { TailOptions } from './tail.js';
import type { Output } from './terminal.js';

/** What the commands for whoever runs a daemon need of the command line around them. */
export interface Operating {
  env: NodeJS.ProcessEnv;
  stdout: Output;
  stderr: Output;
  json: boolean;
  config: () => Config;
  print: (answer: Answer) => void;
  /** Ends the process with exit code 1 although there was an answer. */
  onFailed: () => void;
  /** A command with its example. */
  add: (parent: Command, usage: string, description: string, example: string) => Command;
}

/** `check`, `tail`, `simulate` and `record`. What each needs is loaded when it runs, so that the other commands start without it. */
export function addOperatorCommands(root: Command, operating: Operating): void {
  const { env, stdout, stderr, json, config, print, onFailed, add } = operating;
  const clock = systemClock;

  add(root, 'check', 'tries everything that an installation needs and says what to do about what it misses', 'hookswitch check --url https://example.com/calls')
    .option('--wait <seconds>', 'how long to wait for the heartbeat of a switch', '25')
    .option('--url <url...>', "a receiver to try as well, without sending it a webhook")
    .action(async (options: CheckOptions) => {
      const { check } = await import('./check.js');
      const { answer, passed } = await check(options, { config, clock, stdout, stderr, env, json });
      print(answer);
      if (!passed) onFailed();
    });

  add(root, 'tail', 'shows what a running daemon hears and sends, as it happens, until Ctrl-C', 'HOOKSWITCH_TOKEN=hsk_… hookswitch tail --kind notice,delivery --number 0912345678')
    .option('--api <url>', 'where the daemon is; the configured address unless given')
    .option('--token-file <file>', 'a file with the token; else the variable HOOKSWITCH_TOKEN has it')
    .option('--domain <domain>', 'of this tenant only')
    .option('--number <number>', 'of calls from or to this number only')
    .option('--call <id>', 'of this call only: an id of the call, its flow or a leg')
    .option('--kind <kinds>', 'event, notice, delivery, or several with commas; a tenant\'s token gets no events')
    .action(async (options: TailOptions) => {
      const { tail } = await import('./tail.js');
      await untilSignal((stopping) => tail(options, { env, stdout, stderr, json, api: () => listeningAt(config()), clock, random: Math.random }, stopping));
    });

  add(root, 'simulate', 'is a switch on a port that plays recorded calls as new ones', 'hookswitch simulate --rate 5 --calls 100 --domain acme.example')
    .option('--listen <host:port>', 'where it listens', '127.0.0.1:8021')
    .option('--password <password>', 'its password', 'ClueCon')
    .option('--file <file...>', 'recordings to play, such as those of `hookswitch record`')
    .option('--builtin <name...>', 'recordings that come with it; a wrong name lists them')
    .option('--rate <number>', 'calls a second, on average', '1')
    .addOption(new Option('--calls <number>', 'end after so many').conflicts('forever'))
    .option('--forever', 'do not end; so it is without --calls')
    .option('--domain <domain...>', 'whose calls they are; several share them by chance')
    .option('--seed <text>', 'the same text makes the same choices and numbers; ids are new each time')
    .option('--speed <factor>', 'how much faster than life a call goes', '1')
    .action(async (options: SimulateOptions) => {
      const { simulate } = await import('./simulate.js');
      print(await untilSignal((stopping) => simulate(options, { stdout, json, clock }, stopping)));
    });

  add(root, 'record', 'writes what a switch sends into a file, without its secrets', 'hookswitch record --out calls.esl.gz --seconds 3600 --mask-numbers')
    .option('--switch <name>', 'which of several')
    .requiredOption('--out <file>', 'a new file; zipped if its name ends in .gz')
    .option('--seconds <number>', 'for how long; else until Ctrl-C')
    .addOption(new Option('--events <which>', 'what a daemon asks for, or everything').choices(['wanted', 'all']).default('wanted'))
    .option('--mask-numbers', 'put other numbers in the place of all numbers, the same for the same')
    .action(async (options: RecordOptions) => {
      const { recordSwitch } = await import('./record.js');
      print(await untilSignal((stopping) => recordSwitch(options, { config: config(), stderr, clock }, stopping)));
    });
}

function listeningAt({ http }: Config): string {
  if (http.port === 0) throw new CommandError('usage', 'The daemon takes any free port (http.port is 0): say where it is with --api');
  return apiAddress(http);
}
