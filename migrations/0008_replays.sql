-- compatible: yes
-- What a tenant asked to be sent once more. It is done in steps by whichever daemon comes first to each, and so survives all of them.
create table replay (
  replay_id       uuid        primary key default gen_random_uuid(),
  domain_uuid     uuid        not null references domain on delete cascade,
  -- What was asked for; null leaves nothing out.
  subscription_id uuid,
  call_id         text,
  number          text,
  from_at         timestamptz,
  to_at           timestamptz not null default now(), -- what comes later is sent anyway
  states          text[]      not null,
  state           text        not null default 'running' check (state in ('running', 'finished')),
  matched         bigint,     -- how many there were at the beginning; null until counted, or where that took too long
  replayed        bigint      not null default 0,
  cursor          text,       -- where the next step begins; null at the beginning
  step_at         timestamptz not null default now(),
  created_at      timestamptz not null default now(),
  finished_at     timestamptz,
  check ((state = 'running') = (finished_at is null))
);
-- One at a time for each tenant, also where two are asked for at once.
create unique index replay_running on replay (domain_uuid) where state = 'running';
create index replay_due on replay (step_at) where state = 'running';
create index replay_finished on replay (domain_uuid, finished_at) where state = 'finished';

-- The last test call to each subscription: until it has been told there is no other. No foreign key, for subscriptions may be truncated
-- by who keeps them elsewhere; a row is of no use for longer than its call.
create table test_call (
  subscription_id uuid        primary key,
  domain_uuid     uuid        not null,
  lane            bigint      not null, -- of its deliveries
  day             date        not null, -- of its deliveries
  created_at      timestamptz not null default now()
);
