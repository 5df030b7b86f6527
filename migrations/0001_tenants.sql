-- compatible: yes
-- Names and columns that tenants and their tools know from the PBX keep their spelling there: domain_uuid, event_domain_uuid, callback_url.

-- A tenant is a domain of the PBX. Names compare without case, so they are stored in lower case.
create table domain (
  domain_uuid uuid        primary key default gen_random_uuid(),
  domain_name text        not null unique
              check (domain_name = lower(domain_name) and domain_name !~ '[[:space:][:cntrl:]/]' and length(domain_name) between 1 and 253),
  enabled     boolean     not null default true,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  unique (domain_uuid, domain_name)
);

-- A subscription: one tenant wants one event at one URL. The pair of keys keeps the name in it equal to the tenant's, also when that changes.
create table event_domain (
  event_domain_uuid uuid        primary key default gen_random_uuid(),
  domain_uuid       uuid        not null,
  domain_name       text        not null,
  event_name        text        not null check (length(event_name) between 1 and 64),
  callback_url      text        not null check (octet_length(callback_url) between 1 and 2048),
  callback_apikey   text        not null default '' check (length(callback_apikey) <= 1024),
  enabled           boolean     not null default true,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  foreign key (domain_uuid, domain_name) references domain (domain_uuid, domain_name) on update cascade on delete cascade,
  -- 2704 bytes are what an index entry can hold, hence octets above.
  unique (domain_uuid, event_name, callback_url)
);

-- Who may use the API: an admin, or one tenant. Of the token itself only its SHA-256 is kept.
create table api_token (
  token_uuid   uuid        primary key default gen_random_uuid(),
  token_sha256 bytea       not null unique check (length(token_sha256) = 32),
  label        text        not null default '' check (length(label) <= 200),
  is_admin     boolean     not null,
  domain_uuid  uuid        references domain on delete cascade,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz not null default now(),
  check (is_admin = (domain_uuid is null))
);
create index api_token_domain on api_token (domain_uuid);

create function touch() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;
create trigger touch before update on domain for each row when (old.* is distinct from new.*) execute function touch();
create trigger touch before update on event_domain for each row when (old.* is distinct from new.*) execute function touch();

-- Whoever inserts may leave out the domain's name, or write it in any case.
create function fill_in_subscription() returns trigger language plpgsql as $$
begin
  if new.domain_name is null then
    select d.domain_name into new.domain_name from domain d where d.domain_uuid = new.domain_uuid;
  else
    new.domain_name := lower(new.domain_name);
  end if;
  return new;
end $$;
create trigger fill_in before insert or update on event_domain for each row execute function fill_in_subscription();

-- Every daemon holds the directory in memory and reloads the domains named here: ids separated by commas, or * for all of them.
-- The limit keeps the payload far below the 8000 bytes that NOTIFY allows, and past it one full load is cheaper anyway.
create function tell_directory(changed uuid[]) returns void language sql as $$
  select pg_notify('hookswitch_directory', case when cardinality(changed) > 100 then '*' else array_to_string(changed, ',') end)
   where cardinality(changed) > 0;
$$;

create function directory_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform tell_directory(array(select distinct domain_uuid from after_rows limit 101));
  elsif tg_op = 'DELETE' then
    perform tell_directory(array(select distinct domain_uuid from before_rows limit 101));
  elsif tg_op = 'UPDATE' then
    perform tell_directory(array(select domain_uuid from before_rows union select domain_uuid from after_rows limit 101));
  else
    perform pg_notify('hookswitch_directory', '*');
  end if;
  return null;
end $$;

-- A trigger with transition tables has one event, so each table needs four.
create trigger directory_insert after insert on domain referencing new table as after_rows for each statement execute function directory_changed();
create trigger directory_update after update on domain referencing old table as before_rows new table as after_rows for each statement execute function directory_changed();
create trigger directory_delete after delete on domain referencing old table as before_rows for each statement execute function directory_changed();
create trigger directory_truncate after truncate on domain for each statement execute function directory_changed();
create trigger directory_insert after insert on event_domain referencing new table as after_rows for each statement execute function directory_changed();
create trigger directory_update after update on event_domain referencing old table as before_rows new table as after_rows for each statement execute function directory_changed();
create trigger directory_delete after delete on event_domain referencing old table as before_rows for each statement execute function directory_changed();
create trigger directory_truncate after truncate on event_domain for each statement execute function directory_changed();
