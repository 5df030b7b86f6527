-- compatible: no
-- History goes by the day: what belongs to flows that began on one day (UTC) is one partition, and is thrown away whole. A lane lies
-- within one flow and hence within one partition, so every statement that names the day touches that one only.
alter table delivery rename to delivery_before;
alter table delivery_before rename constraint delivery_pkey to delivery_before_pkey;
drop index delivery_lane, delivery_open, delivery_due, delivery_leased, delivery_settled, delivery_expiring;

-- A delivery is one notice promised to one subscription. Columns of a fixed width come first, so that none is padded.
create table delivery (
  id               uuid        not null, -- derived from what the webhook says
  lane             bigint      not null, -- (URL, flow): delivered strictly in order of sequence
  url_key          bigint      not null, -- the URL, small enough to index
  subscription_id  uuid        not null,
  domain_uuid      uuid        not null,
  occurred_at      timestamptz not null,
  created_at       timestamptz not null default now(),
  due_at           timestamptz not null,
  first_attempt_at timestamptz,          -- from here a failing delivery holds its lane, for a limited time
  settled_at       timestamptz,
  expires_at       timestamptz,          -- past it nobody wants to hear it; null: never
  replayed_at      timestamptz,          -- sent once more on request, the last time then
  day              date        not null, -- on which its flow began, UTC
  position         integer     not null, -- of the notice within its flow, as far as its teller knew; grows along the lane
  sequence         integer     not null, -- within its lane, from 1
  attempt          integer     not null, -- POSTs begun; while leased, the number of the one in hand
  attempts_before  integer     not null default 0, -- of them, those before it was replayed: the waits begin anew
  ttl_ms           integer,              -- what expires_at was made from, for a replay; null: it never expires
  leased_by        integer,              -- daemon.id; no foreign key, for a lease may outlive its daemon until it is swept
  last_status      integer,
  state            text        not null check (state in ('pending', 'leased', 'held', 'delivered', 'abandoned', 'expired')),
  event            text        not null,
  url              text        not null,
  flow_id          text        not null,
  call_id          text        not null,
  from_number      text        not null default '',
  to_number        text        not null default '',
  synthetic        text        check (synthetic in ('reconciled', 'switch_restart', 'lost', 'test')), -- null: the switch told it
  last_reason      text,
  body             text        not null,
  check ((state = 'leased') = (leased_by is not null)),
  check ((state in ('delivered', 'abandoned', 'expired')) = (settled_at is not null))
) partition by range (day);

-- Each partition besides has a primary key, on the id alone, and a unique index on (lane, sequence): what of a lane is there already,
-- and the guarantee that two processes that append to it at once do not give one number twice. One for all partitions would have to
-- have the day in it; and to a plan that is made while a table is new and empty, `day = …` in such an index looks as good as any
-- other condition, though it holds for all of the table.

-- Only those not yet done with: whether something earlier still holds the lane costs one probe, however long the flow. The day
-- leads, so that the first one with anything waiting is found by looking at the head of each partition's index.
create index delivery_open on delivery (day, lane, sequence) where state in ('pending', 'leased');
-- Which URLs have something due, found by leaping from URL to URL; within one, the longest waiting first.
create index delivery_due on delivery (url_key, due_at, sequence) where state = 'pending';
create index delivery_leased on delivery (leased_by) where state = 'leased';
-- What grows too old, the longest ago first. Rows that are sent at once never enter it.
create index delivery_expiring on delivery (expires_at) where state in ('pending', 'held');
-- What was not taken: rare, and asked for often.
create index delivery_unsent on delivery (subscription_id, created_at) where state in ('held', 'abandoned', 'expired');
-- A tenant's history, read backwards: entries that come in ascending order fill their pages.
create index delivery_history on delivery (domain_uuid, created_at, id);
-- By call. Ids come from the wire and may be longer than an index entry can be, so they are hashed: ask for the hash and for the id.
create index delivery_call on delivery (hashtextextended(call_id, 0));
create index delivery_flow on delivery (hashtextextended(flow_id, 0));

-- One POST: what it took and what it found. Written with its outcome; one whose daemon was killed has no row.
create table attempt (
  delivery_id   uuid        not null,
  started_at    timestamptz not null, -- by the daemon's clock
  day           date        not null, -- of its delivery
  number        integer     not null,
  status        integer,
  dns_ms        real,                 -- absent where the connection was there already, as are the next two
  connect_ms    real,
  tls_ms        real,
  first_byte_ms real,
  total_ms      real        not null,
  outcome       text        not null,
  daemon        text        not null, -- its name
  reason        text,
  excerpt       text,                 -- how the answer began
  primary key (delivery_id, number, day)
) partition by range (day);

-- Whatever no day's partition covers: the day was not made yet, is long gone, or the clock of a switch is off.
create table delivery_default partition of delivery default
  with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
alter table delivery_default add primary key (id);
create unique index delivery_default_lane on delivery_default (lane, sequence);
create table attempt_default partition of attempt default;
create index delivery_default_settled on delivery_default (state, settled_at) where settled_at is not null;

-- For a row that an append could not put in: false where that is there, since another process has put it in. Else it is one of its
-- numbers that another row has taken meanwhile, and with this error nothing of the append has happened. Being volatile it sees what
-- was committed after the append began, and what that waited for.
create function is_number_taken(of_day date, of_id uuid) returns boolean language plpgsql volatile as $$
begin
  if exists (select from delivery where day = of_day and id = of_id) then return false; end if;
  raise exception 'A number of this lane was taken meanwhile' using errcode = 'unique_violation';
end $$;

-- The days that have partitions of their own. `full`: with what was delivered; else only the rest of it is left.
create view history_day as
  select to_date(split_part(c.relname, '_', 2), 'YYYYMMDD') as day, c.relname !~ '_rest$' as is_full, c.relname::text as delivery, replace(c.relname, 'delivery', 'attempt') as attempt
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'delivery'::regclass and c.relname ~ '^delivery_[0-9]{8}(_rest)?$';

-- Gives a day partitions called …_<day><suffix>.
create function add_history_day(of_day date, suffix text) returns void language plpgsql as $$
declare
  delivery_name text := 'delivery_' || to_char(of_day, 'YYYYMMDD') || suffix;
  attempt_name  text := 'attempt_' || to_char(of_day, 'YYYYMMDD') || suffix;
begin
  -- Every change of state enters the indexes anew (it is in their predicates), so no update could stay on its page: pages are
  -- filled. What is dead must go soon instead, for claims and lane checks step over it.
  execute format('create table %I (like delivery including all) with (fillfactor = 100, autovacuum_vacuum_scale_factor = 0.02, '
    'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)', delivery_name);
  execute format('alter table %I add primary key (id)', delivery_name);
  execute format('create unique index %I on %I (lane, sequence)', delivery_name || '_lane', delivery_name);
  -- Only ever added to, and gone before anything in it has to be frozen.
  execute format('create table %I (like attempt including all) with (autovacuum_vacuum_insert_threshold = -1)', attempt_name);
  execute format('with moved as (delete from delivery_default where day = %L returning *) insert into %I select * from moved', of_day, delivery_name);
  execute format('with moved as (delete from attempt_default where day = %L returning *) insert into %I select * from moved', of_day, attempt_name);
  execute format('alter table delivery attach partition %I for values from (%L) to (%L)', delivery_name, of_day, of_day + 1);
  execute format('alter table attempt attach partition %I for values from (%L) to (%L)', attempt_name, of_day, of_day + 1);
end $$;

-- Makes the partitions of a day where they are missing; false where there is nothing to do, or another process is at it. While they
-- are attached nobody can write, and the default partition is looked through: so there must not be much in it.
create function make_history_day(of_day date) returns boolean language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('hookswitch_history', 0)) then return false; end if;
  if exists (select from history_day where day = of_day) then return false; end if;
  perform set_config('lock_timeout', '250ms', true);
  lock table delivery_default, attempt_default in access exclusive mode;
  if (select count(*) from (select from delivery_default limit 50001) there) > 50000 then
    raise exception 'Too much lies outside of its day' using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform add_history_day(of_day, '');
  return true;
end $$;

-- Takes a day out of the history, to be emptied by `empty_history_day`; what was delivered will not come back. False where something
-- of it still waits. Nothing can be written meanwhile, but that is a moment.
create function thin_history_day(of_day date) returns boolean language plpgsql as $$
declare
  partition history_day%rowtype;
  waits boolean;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('hookswitch_history', 0)) then return false; end if;
  select * into partition from history_day where day = of_day and is_full;
  if not found then return false; end if;
  perform set_config('lock_timeout', '250ms', true);
  execute format('select exists (select from %I where state in (''pending'', ''leased'')) or exists (select from %1$I where state = ''held'')', partition.delivery) into waits;
  if waits then return false; end if;
  lock table only delivery, only attempt in access exclusive mode;
  execute format('select exists (select from %I where state in (''pending'', ''leased'')) or exists (select from %1$I where state = ''held'')', partition.delivery) into waits;
  if waits then return false; end if;
  execute format('alter table delivery detach partition %I', partition.delivery);
  execute format('alter table attempt detach partition %I', partition.attempt);
  execute format('alter table %I rename to %I', partition.delivery, partition.delivery || '_leaving');
  execute format('alter table %I rename to %I', partition.attempt, partition.attempt || '_leaving');
  perform add_history_day(of_day, '_rest');
  return true;
end $$;

-- Brings what was not delivered of a day that was taken out back into the history, some of it with each call, and drops the
-- remainder with the last. True while there is more to do. Row by row through the indexes: some of it must not cost reading all of it.
create function empty_history_day() returns boolean language plpgsql set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  leaving  text;
  attempts text;
  is_empty boolean;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('hookswitch_history', 0)) then return false; end if;
  select c.relname into leaving
    from pg_class c
    join pg_class d on d.relnamespace = c.relnamespace and d.oid = 'delivery'::regclass
   where c.relkind = 'r' and c.relname ~ '^delivery_[0-9]{8}_leaving$'
   order by c.relname
   limit 1;
  if not found then return false; end if;
  attempts := replace(leaving, 'delivery', 'attempt');
  execute format('with moved as (delete from %I where id in (select id from %1$I where state in (''held'', ''abandoned'', ''expired'') limit 10000) returning *), '
    'kept as (insert into delivery select * from moved on conflict do nothing) '
    'insert into attempt select a.* from moved m join %I a on a.delivery_id = m.id on conflict do nothing', leaving, attempts);
  execute format('select not exists (select from %I where state in (''held'', ''abandoned'', ''expired''))', leaving) into is_empty;
  if is_empty then execute format('drop table %I, %I', leaving, attempts); end if;
  return true;
end $$;

-- Drops a day whole. False where something of it still waits.
create function drop_history_day(of_day date) returns boolean language plpgsql as $$
declare
  partition history_day%rowtype;
  waits boolean;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('hookswitch_history', 0)) then return false; end if;
  select * into partition from history_day where day = of_day;
  if not found then return false; end if;
  perform set_config('lock_timeout', '250ms', true);
  lock table only delivery, only attempt in access exclusive mode;
  execute format('select exists (select from %I where state in (''pending'', ''leased'')) or exists (select from %1$I where state = ''held'')', partition.delivery) into waits;
  if waits then return false; end if;
  execute format('drop table %I, %I', partition.delivery, partition.attempt);
  return true;
end $$;

-- What was there already goes to its days.
create temporary table flow_day on commit drop as
  select b.flow_id, (to_timestamp(coalesce(min(o.born_s), extract(epoch from min(b.occurred_at)))) at time zone 'utc')::date as day
    from delivery_before b
    left join (select flow_id, min(substring(state from '"born":\{"atUs":([0-9]{1,16})')::numeric) / 1000000 as born_s from open_flow group by flow_id) o using (flow_id)
   group by b.flow_id;

do $$
declare
  today  date := (now() at time zone 'utc')::date;
  of_day date;
begin
  for of_day in
    select today + n from generate_series(-1, 2) n
    union select day from flow_day where day between today - 30 and today + 2
    order by 1
  loop
    perform make_history_day(of_day);
  end loop;
end $$;

-- Numbers were given twice where a process had missed the beginning of a flow: such a lane is numbered anew.
insert into delivery (id, lane, url_key, subscription_id, domain_uuid, occurred_at, created_at, due_at, first_attempt_at, settled_at, expires_at, day, position, sequence,
                      attempt, ttl_ms, leased_by, last_status, state, event, url, flow_id, call_id, from_number, to_number, synthetic, last_reason, body)
  select b.id, b.lane, b.url_key, b.subscription_id, b.domain_uuid, b.occurred_at, b.created_at, b.due_at, b.first_attempt_at, b.settled_at, b.expires_at, f.day,
         b.position, case when b.twice then b.place else b.sequence end, b.attempt,
         least(2147483647, greatest(0, extract(epoch from b.expires_at - b.created_at) * 1000))::integer,
         b.leased_by, b.last_status, b.state, b.event, b.url, b.flow_id, b.call_id,
         coalesce(substring(b.body from '"from_number":"([^"\\]*)"'), ''), coalesce(substring(b.body from '"to_number":"([^"\\]*)"'), ''), b.synthetic, b.last_reason, b.body
    from (select n.*, bool_or(n.nth > 1) over (partition by n.lane) as twice
            from (select d.*, row_number() over (partition by lane order by position, sequence, id) as place,
                         row_number() over (partition by lane, sequence order by position, id) as nth
                    from delivery_before d) n) b
    join flow_day f using (flow_id);

drop table delivery_before;
select set_config('lock_timeout', '0', true);
