-- compatible: yes
-- One row per running process. Leases belong to it, so that they end with it.
create table daemon (
  id         integer     generated always as identity primary key,
  name       text        not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now()
);

-- A delivery is one notice promised to one subscription. It stays as the tenant's history until retention takes it.
create table delivery (
  id               uuid        primary key, -- derived from what the webhook says
  lane             bigint      not null,    -- (URL, flow): delivered strictly in order of position
  url_key          bigint      not null,    -- the URL, small enough to index
  url              text        not null,
  subscription_id  uuid        not null,
  domain_uuid      uuid        not null,
  event            text        not null,
  flow_id          text        not null,
  call_id          text        not null,
  position         integer     not null,    -- of the notice within its flow
  sequence         integer     not null,    -- within its lane, from 1 without gaps
  body             text        not null,
  occurred_at      timestamptz not null,
  created_at       timestamptz not null default now(),
  state            text        not null check (state in ('pending', 'leased', 'delivered', 'abandoned', 'expired')),
  attempt          integer     not null,    -- POSTs begun; while leased, the number of the one in hand
  due_at           timestamptz not null,
  leased_by        integer,                 -- daemon.id; no foreign key, for a lease may outlive its daemon until it is swept
  first_attempt_at timestamptz,             -- from here a failing delivery holds its lane, for a limited time
  last_status      integer,
  last_reason      text,
  settled_at       timestamptz,
  check ((state = 'leased') = (leased_by is not null)),
  check ((state in ('pending', 'leased')) = (settled_at is null))
)
-- Every change of state enters the indexes anew (it is in their predicates), so no update could stay on its page: pages are
-- filled. What is dead must go soon instead, for claims and lane checks step over it.
with (fillfactor = 100, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
      autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- All rows of a lane, to number a new one.
create index delivery_lane on delivery (lane, position);
-- Only those not yet done with: whether something earlier still holds the lane costs one probe, however long the flow.
create index delivery_open on delivery (lane, position) where state in ('pending', 'leased');
-- Which URLs have something due, found by leaping from URL to URL; within one, the longest waiting first.
create index delivery_due on delivery (url_key, due_at, position) where state = 'pending';
create index delivery_leased on delivery (leased_by) where state = 'leased';
-- What retention may take, oldest first.
create index delivery_settled on delivery (state, settled_at) where settled_at is not null;
