-- compatible: yes
-- What the operator was told last of each subscription. Whoever moves it tells him, so of several daemons one does.
alter table event_domain add column told_enabled boolean not null default true;
update event_domain set told_enabled = enabled;

-- A subscription that is made enabled or disabled is no news.
create function told_as_made() returns trigger language plpgsql as $$
begin
  new.told_enabled := new.enabled;
  return new;
end $$;
create trigger told_as_made before insert on event_domain for each row execute function told_as_made();

create index event_domain_untold on event_domain (event_domain_uuid) where told_enabled <> enabled;
