import pg from 'pg';
import { forgetOpenFlows, loadOpenFlows, loadOthersFlows } from '../../src/db/open-flows.js';
import { append } from '../../src/db/outbox-append.js';
import { register } from '../../src/db/outbox-daemon.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
const sessions: pg.Client[] = [];
beforeAll(async () => { db = await createDatabase(); });
afterAll(() => db.drop());
beforeEach(() => db.pool.query('truncate open_flow, daemon'));
afterEach(async () => { await Promise.all(sessions.splice(0).map((session) => session.end())); });

const keep = (owner: string, flowId: string, position = 1, switchName = 'pbx', coreId = 'run') => append(db.pool, [], { daemonId: 1, holdMs: 1 },
  { owner, records: [{ switchName, flowId, coreId, position, state: `{"by":"${owner}"}` }] });
const owners = async () => (await db.pool.query<{ row: string }>(`select owner || ' ' || flow_id as row from open_flow order by 1`)).rows.map(({ row }) => row);

async function daemon(name: string, silentS = 0): Promise<void> {
  const session = new pg.Client({ connectionString: db.url });
  await session.connect();
  sessions.push(session);
  const id = await register(session, name);
  await db.pool.query(`update daemon set seen_at = now() - $2 * interval '1 s' where id = $1`, [id, silentS]);
}

describe('open flows', () => {
  it('are a daemon\'s own, of one switch: another PBX may have been given the same name', async () => {
    await keep('a', 'x', 3);
    await keep('b', 'y', 1);
    await keep('a', 'z', 1, 'other');
    expect(await loadOpenFlows(db.pool, 'a', 'pbx')).toEqual([{ owner: 'a', switchName: 'pbx', flowId: 'x', coreId: 'run', position: 3, state: '{"by":"a"}' }]);
  });

  it('of others, living or dead, are told by the run of the switch, once each, from who got furthest, where that may be further than we', async () => {
    await keep('me', 'mine');
    await keep('me', 'theirs too', 2);
    await keep('me', 'x', 1);
    await keep('living', 'theirs too', 1);
    await keep('living', 'a');
    await keep('living', 'x', 2);
    await keep('dead', 'x', 4);
    await keep('dead', 'of another run', 1, 'pbx', 'another run');
    const first = await loadOthersFlows(db.pool, { owner: 'me', coreId: 'run', after: '' }, 1);
    expect(first).toMatchObject([{ owner: 'living', flowId: 'a' }]);
    expect(await loadOthersFlows(db.pool, { owner: 'me', coreId: 'run', after: 'a' }, 10)).toMatchObject([{ owner: 'dead', flowId: 'x', position: 4 }]);
  });
});

describe('forgetting', () => {
  const forget = (flowIds: string[]) => forgetOpenFlows(db.pool, { owner: 'me', flowIds, silentMs: 15_000 });

  it('removes what the dead left of these flows: those that are silent, and those that nobody knows', async () => {
    await daemon('silent', 16);
    await keep('silent', 'x');
    await keep('unknown', 'x');
    await keep('unknown', 'not taken over');
    expect(await forget(['x'])).toBe(2);
    expect(await owners()).toEqual(['unknown not taken over']);
  });

  it('never touches our own records, nor those of the living, also where an earlier process of their name is dead', async () => {
    await daemon('alive', 16);
    await daemon('alive');
    await keep('alive', 'x');
    await keep('me', 'x');
    expect(await forget(['x'])).toBe(0);
    expect(await owners()).toEqual(['alive x', 'me x']);
  });
});
