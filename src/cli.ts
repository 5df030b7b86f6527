import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { Command, CommanderError, Option } from 'commander';
import type { Answer } from './cli/answer.js';
import { describe, showConfig } from './cli/config.js';
import { withDatabase } from './cli/database.js';
import { runDemo, type DemoOptions } from './cli/demo.js';
import { describeFailure, EXIT } from './cli/failure.js';
import { createKey, rotateKey } from './cli/key.js';
import { addOperatorCommands } from './cli/operate.js';
import { runDaemon } from './cli/run.js';
import { addSubscription, listSubscriptions, removeSubscription, subscriptionSecret, type SecretOptions, type SubscriptionOptions } from './cli/subscription.js';
import { addTenant, listTenants } from './cli/tenant.js';
import { createToken, listTokens, revokeToken, type TokenOptions } from './cli/token.js';
import { loadConfig, type Config } from './config.js';
import type { Queryable } from './db/pool.js';
import { createLogger } from './log.js';
import { maskUrls } from './secrets.js';

/** The parts of the process that a command uses. */
export interface Surroundings { env: NodeJS.ProcessEnv; stdout: Writable; stderr: Writable }

/**
 * Runs one command line (without `node` and the script) and returns the exit code; see the help for what each means.
 *
 * With `--json` standard output gets exactly one object: the answer, or `{"error":{"message","code"}}` with an exit code other
 * than 0. Without it the answer is text, and errors go to standard error. Logs of commands always go there.
 */
export async function main(argv: readonly string[], { env, stdout, stderr }: Surroundings): Promise<number> {
  for (const pipe of [stdout, stderr]) pipe.on('error', () => {}); // `hookswitch token list | head -1` ends it early; that is no failure of ours
  const json = argv.includes('--json');
  const print = ({ json: object, text }: Answer) => { stdout.write(`${json ? JSON.stringify(object) : text}\n`); };
  let exit = 0;
  try {
    await program({ env, stdout, stderr }, { json, print, onFailed: () => { exit = EXIT.failure; } }).parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help or version, and it has been printed
    const { code, message } = describeFailure(error);
    if (json) print({ json: { error: { message, code } }, text: '' });
    else if (!(error instanceof CommanderError)) stderr.write(`${message}\n`); // what is wrong with a command line, commander has said
    if (code === 'failure' && env.HOOKSWITCH_LOG_LEVEL === 'debug' && error instanceof Error) stderr.write(`${maskUrls(error.stack ?? '')}\n`);
    return EXIT[code];
  }
}

/** How a command tells what came of it. */
export interface Telling { json: boolean; print: (answer: Answer) => void; onFailed: () => void }

/** The whole command line; what it prints and whom it asks comes from outside. */
export function program({ env, stdout, stderr }: Surroundings, { json, print, onFailed }: Telling): Command {
  const config = () => loadConfig({ env });
  const inDatabase: InDatabase = async (work, options) => {
    const using = config();
    const log = createLogger({ level: using.log.level === 'debug' ? 'debug' : 'warn', format: 'text', stream: stderr });
    print(await withDatabase(using, log, ({ db, applied }) => work(db, applied), options));
  };

  const root = new Command('hookswitch')
    .description('Turns the call events of FreeSWITCH into webhooks.')
    .version(version())
    .option('--json', 'print one JSON object, errors too')
    .configureOutput({ writeOut: (text) => { stdout.write(text); }, writeErr: (text) => { if (!json) stderr.write(text); } })
    .showHelpAfterError('(--help shows how)')
    .exitOverride();
  root.addHelpText('after', HELP);

  add(root, 'run', 'runs the daemon until it is told to stop (SIGTERM, SIGINT)', 'hookswitch run').action(() => runDaemon(config()));
  add(root, 'demo', 'plays recorded calls through the daemon, with a replayed switch and two receivers on this machine', 'hookswitch demo')
    .addOption(new Option('--pace <pace>', 'real: as the calls were recorded; full: as fast as it goes').choices(['real', 'full']).default('real'))
    .action(async (options: DemoOptions) => print(await runDemo(options, { env, stdout: json ? stderr : stdout, stderr })));
  add(root, 'migrate', 'brings the database up to this version', 'hookswitch migrate')
    .option('--force', 'also where daemons of an older version are up and cannot live with it')
    .action((options: { force?: boolean }) => inDatabase((_db, applied) => Promise.resolve(migrated(applied)), options));
  add(root, 'config', 'shows the configuration in use, secrets masked', 'hookswitch config --describe')
    .option('--describe', 'list every key with its variable, default and meaning instead')
    .action(({ describe: described }: { describe?: true }) => print(described ? describe() : showConfig({ env })));
  addOperatorCommands(root, { env, stdout, stderr, json, config, print, onFailed, add });
  addTenantCommands(root, inDatabase);
  addTokenCommands(root, inDatabase);
  addSubscriptionCommands(root, inDatabase, config);
  addKeyCommands(root, inDatabase, config, print);
  return root;
}

/** Does the work in the configured database, which is brought up to this build first, and prints the answer. */
type InDatabase = (work: (db: Queryable, applied: readonly string[]) => Promise<Answer>, options?: { force?: boolean }) => Promise<void>;

function addTenantCommands(root: Command, inDatabase: InDatabase): void {
  const tenant = root.command('tenant').description('the domains whose calls are told');
  add(tenant, 'add <domain>', 'adds a tenant by its domain on the switch; one that exists stays as it is', 'hookswitch tenant add acme.example')
    .action((domain: string) => inDatabase(addTenant(domain)));
  add(tenant, 'list', 'lists the tenants', 'hookswitch tenant list').action(() => inDatabase(listTenants()));
}

function addTokenCommands(root: Command, inDatabase: InDatabase): void {
  const token = root.command('token').description('who may use the API');
  add(token, 'create', 'makes a token and prints it, this once', 'hookswitch token create --domain acme.example --label crm --expires 365')
    .addOption(new Option('--domain <domain>', 'for this tenant').conflicts('admin'))
    .addOption(new Option('--admin', 'for all tenants'))
    .option('--label <label>', 'what it is for', '')
    .option('--expires <days|date>', 'after a number of days, or at the end of a day in UTC such as 2027-12-31')
    .action((options: TokenOptions) => inDatabase(createToken(options, new Date())));
  add(token, 'list', 'lists the tokens, never what they are', 'hookswitch token list').action(() => inDatabase(listTokens()));
  add(token, 'revoke <id>', 'ends a token at once', 'hookswitch token revoke 5f0c0d9e-3a52-4a0c-9d6c-0d3a8c1f2b77')
    .action((id: string) => inDatabase(revokeToken(id)));
}

function addSubscriptionCommands(root: Command, inDatabase: InDatabase, config: () => Config): void {
  const subscription = root.command('subscription').description('which tenant is told of which event, and where');
  add(subscription, 'add', 'subscribes; for the same event and URL it sets the key anew', 'hookswitch subscription add --domain acme.example --event hangup --url https://crm.acme.example/calls')
    .requiredOption('--domain <domain>', 'the tenant')
    .requiredOption('--event <event>', 'ringing, answered, hangup or cdr')
    .requiredOption('--url <url>', 'where the webhook goes')
    .option('--key <key>', "the receiver's key, sent with each webhook", '')
    .action((options: SubscriptionOptions) => inDatabase(addSubscription(options, config())));
  add(subscription, 'list', 'lists the subscriptions', 'hookswitch subscription list --domain acme.example')
    .option('--domain <domain>', 'those of this tenant only')
    .action(({ domain }: { domain?: string }) => inDatabase(listSubscriptions(domain, config())));
  add(subscription, 'remove <id>', 'ends a subscription; what is still to be sent to it is given up', 'hookswitch subscription remove 5f0c0d9e-3a52-4a0c-9d6c-0d3a8c1f2b77')
    .action((id: string) => inDatabase(removeSubscription(id)));
  add(subscription, 'secret <id>', 'shows what its webhooks are signed with; all of a tenant\'s at one URL with the same', 'hookswitch subscription secret 5f0c0d9e-3a52-4a0c-9d6c-0d3a8c1f2b77')
    .option('--rotate', 'make another one; the one before signs too for a day')
    .option('--overlap <seconds>', 'for so long instead; 0 for not at all')
    .action((id: string, options: SecretOptions) => inDatabase(subscriptionSecret(id, options, config())));
}

function addKeyCommands(root: Command, inDatabase: InDatabase, config: () => Config, print: (answer: Answer) => void): void {
  const key = root.command('key').description('what keys and secrets are sealed with in the database');
  add(key, 'new', 'makes a key and prints it, this once', 'hookswitch key new').action(() => print(createKey()));
  add(key, 'rotate', 'seals everything with the first key of HOOKSWITCH_ENCRYPTION_KEYS; daemons may run meanwhile', 'hookswitch key rotate')
    .action(() => inDatabase(rotateKey(config())));
}

/** A command whose help ends with an example. Excess arguments are refused: they are a forgotten quote or a misspelt option. */
function add(parent: Command, usage: string, description: string, example: string): Command {
  return parent.command(usage).description(description).allowExcessArguments(false).addHelpText('after', `\nExample:\n  ${example}`);
}

function migrated(applied: readonly string[]): Answer {
  return { json: { applied }, text: applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.` };
}

/** Both src/ and dist/ lie one level below the package. */
function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

const HELP = `
Without DATABASE_URL an embedded Postgres is used: the running daemon's, or one started for the command.
Configuration: \`hookswitch config --describe\` lists every key and variable.

With --json standard output is one JSON object (of tail and simulate, one a line); after a failure {"error":{"message","code"}},
where code is failure, usage, configuration, not-found or database-unreachable.

Exit codes:
  0  done
  1  it failed
  2  the command line or the configuration is wrong
  3  there is no such tenant, token or subscription
  4  the database cannot be reached

Example:
  hookswitch tenant add acme.example
  hookswitch token create --domain acme.example`;
