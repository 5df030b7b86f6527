import { Script } from '../support/script.js';

const A = { variable_domain_name: 'a.example.test' };
const INBOUND = { ...A, variable_call_direction: 'inbound' };
const LOCAL = { ...A, variable_call_direction: 'local', 'Caller-Context': 'a.example.test' };
const GATEWAY = { variable_sip_gateway_name: 'gw' };
const AUTODIALER = { ...A, variable_autodialer: 'true', variable_call_direction: 'outbound' };

/** The kinds of calls that a picture shows and no recording does, as events, by the picture's name. Their legs have the letters of the picture. */
export const SCRIPTED: Readonly<Record<string, () => Script>> = {
  voicemail: () => new Script().ringsIn('A', 0, '0912345678', '842873001009').rings('B', 'A', 100, '1006', INBOUND).ends('B', 20_000, 'NO_ANSWER')
    .answers('A', 20_100).ends('A', 32_000),

  pickup: () => new Script().ringsIn('A', 0, '0912345678', '842873001001').rings('B', 'A', 100, '1001', INBOUND)
    .ringsIn('C', 2_000, '1003', '*8', LOCAL).answers('C', 2_050).bridges('A', 'C', 2_100).ends('B', 2_150, 'PICKED_OFF').ends('C', 7_000).ends('A', 7_050),

  autodialer: () => new Script().originates('A', 0, '842873001001', '0909999999', AUTODIALER).answers('A', 1_000)
    .rings('B', 'A', 1_100, '1001', A).answers('B', 2_000).ends('A', 5_000).ends('B', 5_100),

  'trunk-to-trunk-forward': () => new Script().ringsIn('A', 0, '0912345678', '842873001010').rings('B', 'A', 100, '0987654321', { ...INBOUND, ...GATEWAY, variable_dialed_user: '' })
    .answers('B', 3_000).answers('A', 3_010).tells('A', 3_020, { call_direction: 'outbound' }).ends('A', 8_000).ends('B', 8_010),
};
