import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';

/** As whom the programs of Postgres run: it refuses to be root, and we often are. */
export interface Account {
  /** The owner of its files; undefined where it runs as we do. */
  readonly user: User | undefined;
  /** Runs a program to its end; rejects when it fails, with its stderr in the cause. */
  run(program: string, args: string[]): Promise<void>;
  /** Starts a program that outlives us, in a session of its own so that a Ctrl-C meant for us does not reach it. Both outputs go to `logFd`. */
  launch(program: string, args: string[], logFd: number): ChildProcess;
}

type User = { uid: number; gid: number };
type Reach = 'plain' | 'dac_read_search' | 'dac_override';

// Nothing of our own environment: PGDATA and its like would mislead, and a secret has no business there.
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** We ourselves, or `user` where given. The working directory is `/`, for ours may be closed to that user. */
export function accountOf(user?: User, reach: Reach = 'plain'): Account {
  const identity = user !== undefined && reach === 'plain' ? user : {};
  const prefix = user === undefined || reach === 'plain' ? [] : [
    'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', `--inh-caps=+${reach}`, `--ambient-caps=+${reach}`,
    '--securebits=+no_setuid_fixup', '--', // or access(2), with which Postgres looks for its own programs, would not count the capability
  ];
  const options = { cwd: '/', env: ENVIRONMENT, ...identity };
  return {
    user,
    run(program, args) {
      const [file, ...rest] = [...prefix, program, ...args];
      return new Promise((resolve, reject) => {
        execFile(file!, rest, options, (error) => { if (error) reject(new Error(`${program} failed`, { cause: error })); else resolve(); });
      });
    },
    launch(program, args, logFd) {
      const [file, ...rest] = [...prefix, program, ...args];
      return spawn(file!, rest, { ...options, detached: true, stdio: ['ignore', logFd, logFd] });
    },
  };
}

/**
 * The system user who shall own `folder` when we are root: whoever owns the `data` in it already, else `postgres`, else `nobody`.
 * Undefined when we are not root. No user is ever created.
 */
export async function serverUser(data: string): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(data).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };

  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? [];
  if (uid === undefined || gid === undefined) throw new Error('Postgres does not run as root, and this system has neither a user postgres nor nobody: run Hookswitch as another user');
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * The account that can run `initdb`, and the programs that this calls, in `folder`. A clone under /root or in a private temporary
 * folder is closed to every other user; then that user gets the one capability to pass through closed folders (the stronger one
 * only where a container withholds the weaker).
 */
export async function findAccount(user: User | undefined, initdb: string, folder: string): Promise<Account> {
  const failures: unknown[] = [];
  for (const reach of user === undefined ? ['plain' as const] : ['plain' as const, 'dac_read_search' as const, 'dac_override' as const]) {
    const account = accountOf(user, reach);
    try {
      // Tried rather than computed from modes: ACLs, mount options and security modules have a say as well. It only shows settings.
      await account.run('/bin/sh', ['-c', 'cd "$1" && exec "$2" --show -D "$1/none"', 'sh', folder, initdb]);
      return account;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new Error(
    `The user that runs Postgres (uid ${user?.uid ?? process.getuid?.() ?? 'ours'}) cannot reach ${folder} or ${initdb}. `
    + 'Set HOOKSWITCH_DATA_DIR to a folder that others can enter, such as /var/lib/hookswitch, and install where others can read',
    { cause: new AggregateError(failures) },
  );
}
