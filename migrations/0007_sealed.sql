-- compatible: no
-- A key that is sealed is longer than the key: by nonce, tag and base64, and a character of it may take two bytes.
alter table event_domain
  drop constraint event_domain_callback_apikey_check,
  add constraint event_domain_callback_apikey_check
    check (length(callback_apikey) <= case when callback_apikey like 'sealed:%' then 4096 else 1024 end);
