/** Everything that `hookswitch check` looks at, by id, and what to do where it is not as it should be. */
export const REMEDIES = {
  'config-valid': 'Mend what is named; `hookswitch config --describe` says what each key may be.',
  'time-zone': 'Set HOOKSWITCH_TIME_ZONE to the zone that tenants expect, such as Asia/Ho_Chi_Minh; to UTC where that is meant.',
  'data-folder': 'Give the data folder to the user that the daemon runs as, or set HOOKSWITCH_DATA_DIR to a folder that is.',
  'data-space': 'Make room on the disk of the data folder, or set HOOKSWITCH_DATA_DIR to one with room.',
  'database-reach': 'See that Postgres runs and listens there, and that DATABASE_URL has its address, database, user and password.',
  'database-version': 'Use a Postgres of version 15 or newer.',
  'database-rights': 'Make the user of DATABASE_URL the owner of the database, and name the primary server and not a standby.',
  'database-migrations': 'Behind: the next start of a daemon brings it up to date, as does `hookswitch migrate`. Ahead: run the newer build.',
  'database-clock': 'Keep both machines on the same time (NTP): webhooks expire and tokens end by the clock.',
  'database-connections': 'Raise max_connections of Postgres, or lower database.poolSize.',
  'switch-reach': 'See that FreeSWITCH runs with mod_event_socket, that listen-ip in event_socket.conf.xml is an address that this machine reaches, and that no firewall is between.',
  'switch-acl': 'Put this address into the list that apply-inbound-acl in event_socket.conf.xml names, then `fs_cli -x reloadacl`; without such a line only 127.0.0.1 and ::1 are let in.',
  'switch-greeting': 'See that host and port are those of the event socket (listen-port). If they are, the switch is frozen, perhaps by another listener that does not read: `ss -tn` on the switch shows who is connected to it.',
  'switch-password': 'Set the password of this switch to that of event_socket.conf.xml.',
  'switch-subscription': 'Look into the log of the switch; it refuses what every release of FreeSWITCH takes.',
  'switch-events': 'A switch tells of itself every 20 s. If it does not, another listener may have frozen its event socket: `ss -tn` on the switch shows who is connected and does not read.',
  'switch-heartbeat': 'Set event-heartbeat-interval in switch.conf.xml to 20: lost events are found by the heartbeats. Or wait for longer with --wait.',
  'switch-clock': 'Keep both machines on the same time (NTP). FreeSWITCH keeps its own: `fs_cli -x \'fsctl sync_clock\'`.',
  'dns-resolve': 'See /etc/resolv.conf: without name servers no webhook finds its receiver.',
  'subscriptions-hosts': 'Tell these tenants: what is sent there fails until the names are mended.',
  'url-allowed': 'Only public addresses and usual ports may be called; HOOKSWITCH_ALLOW_ADDRESSES, HOOKSWITCH_ALLOW_HOSTS and HOOKSWITCH_ALLOW_PORTS allow others, for the daemon too.',
  'url-dns': 'See that the name of the URL is spelt right and is known to the name servers of this machine.',
  'url-reach': 'See that the receiver runs, and that no firewall is between; with a proxy (HOOKSWITCH_PROXY_URL), that it runs and lets the receiver through: PROXY_403 is its answer, PROXY_407 says that it wants a password.',
  'url-tls': 'The receiver needs a certificate that is valid for its name, from a well-known authority, with its intermediate certificates.',
  'url-answer': 'See the receiver\'s own log. A webhook must be answered with a 2xx; redirects are not followed.',
  'api-port': 'Choose another port (HOOKSWITCH_HTTP_PORT) or address (HOOKSWITCH_HTTP_HOST), or stop what uses it.',
  'daemon-ready': 'The running daemon names what it misses; the checks of that part here say more.',
} as const;

export type FindingId = keyof typeof REMEDIES;

/** What one look has shown. A warning works for now, or may be meant. */
export interface Finding {
  readonly id: FindingId;
  readonly verdict: 'ok' | 'warning' | 'failed';
  readonly says: string;
}

export const ok = (id: FindingId, says: string): Finding => ({ id, verdict: 'ok', says });
export const warning = (id: FindingId, says: string): Finding => ({ id, verdict: 'warning', says });
export const failed = (id: FindingId, says: string): Finding => ({ id, verdict: 'failed', says });

/** A difference of clocks as people read it; both clocks may tick between two looks, so a tenth of a second is as good as none. */
export function clockSays(whose: string, aheadMs: number): string {
  const seconds = Math.abs(aheadMs / 1_000);
  return seconds < 0.1 ? `${whose} agrees with ours` : `${whose} is ${seconds.toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`;
}

/** More than this is told. */
export const CLOCK_TOLERANCE_MS = 1_000;
