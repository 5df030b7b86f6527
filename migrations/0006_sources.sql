-- compatible: yes
-- Where a row is looked after. What comes from a PBX is kept equal to it by the daemon; the rest belongs to whoever made it here.
alter table domain       add column source text not null default 'local' check (source in ('local', 'fusionpbx'));
alter table event_domain add column source text not null default 'local' check (source in ('local', 'fusionpbx'));
