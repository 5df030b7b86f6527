-- compatible: yes
-- What a tenant may choose for a subscription besides its URL and key, and why it is off where the daemon switched it off.
alter table event_domain
  add column payload_format  text    not null default 'v1' check (payload_format in ('v1', 'v2')),
  add column rate_per_second integer check (rate_per_second between 1 and 1000), -- null: as fast as the receiver answers
  add column disabled_reason text    check (length(disabled_reason) <= 200),     -- null: its tenant did it
  add column disabled_at     timestamptz;

-- Whoever enables a subscription again need not know of the rest.
create function keep_disabling() returns trigger language plpgsql as $$
begin
  if new.enabled then
    new.disabled_reason := null;
    new.disabled_at := null;
  elsif old.enabled then
    new.disabled_at := coalesce(new.disabled_at, now());
  end if;
  return new;
end $$;
create trigger keep_disabling before update on event_domain for each row execute function keep_disabling();

-- One URL of one tenant: what all his subscriptions there have in common. Kept when the last of them goes, so that a tenant who
-- subscribes again need not learn a new secret.
create table receiver (
  domain_uuid     uuid        not null references domain on delete cascade,
  callback_url    text        not null check (octet_length(callback_url) between 1 and 2048),
  secret          text        not null, -- whsec_…, sealed where a key is configured
  previous_secret text,                 -- signs too, until then
  previous_until  timestamptz,
  failing_since   timestamptz,          -- nothing but failures from here on; null: the last answer was good, or none was asked for
  last_failure    text        check (length(last_failure) <= 200),
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  primary key (domain_uuid, callback_url),
  check ((previous_secret is null) = (previous_until is null))
);
create trigger touch before update on receiver for each row when (old.* is distinct from new.*) execute function touch();

-- The directory holds secrets, so it has to hear of a new one; of health it does not.
create function receiver_changed() returns trigger language plpgsql as $$
begin
  perform tell_directory(array[new.domain_uuid]);
  return null;
end $$;
create trigger directory_insert after insert on receiver for each row execute function receiver_changed();
create trigger directory_update after update of secret, previous_secret, previous_until on receiver for each row execute function receiver_changed();
