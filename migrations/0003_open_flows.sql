-- compatible: yes
-- What one daemon knows of a call that is not over: written with the call's deliveries, so that the next process goes on where
-- this one was. Each daemon has rows of its own, under its name; none ever waits for another's.
create table open_flow (
  owner       text        not null, -- daemon.name
  switch_name text        not null,
  flow_id     text        not null,
  core_id     text        not null, -- the run of the switch
  position    integer     not null, -- of the last notice
  state       text        not null, -- JSON that only the daemon reads; as text it is neither parsed nor refused
  updated_at  timestamptz not null default now(),
  primary key (owner, switch_name, flow_id)
)
-- A row changes a few times and is gone. With half of each page left free, and nothing indexed but the key, every change stays
-- on its page; and a row of up to half a page is kept there as it is, not compressed and moved out.
with (fillfactor = 50, toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.1,
      autovacuum_vacuum_cost_delay = 0);

-- Until when each daemon has heard each switch.
create table switch_heard (
  owner       text        not null,
  switch_name text        not null,
  core_id     text        not null,
  heard_at    timestamptz not null,
  primary key (owner, switch_name)
) with (fillfactor = 50);

alter table delivery
  add column synthetic  text check (synthetic in ('reconciled', 'switch_restart', 'lost')), -- null: the switch told it
  add column expires_at timestamptz;                                                        -- past it nobody wants to hear it; null: never

-- What has expired, the longest ago first. Rows that are sent at once never enter it.
create index delivery_expiring on delivery (expires_at) where state = 'pending';

-- What is said of a delivery that has expired: its age, and what kept it if it was tried.
create function expiry_reason(occurred_at timestamptz, expires_at timestamptz, last_reason text) returns text language sql immutable as $$
  select 'expired after ' || greatest(0, round(extract(epoch from expires_at - occurred_at))) || ' s' || coalesce(': ' || last_reason, '');
$$;
