import fc from 'fast-check';
import type { Dated } from '../../src/calls/leg.js';
import { Variables } from '../../src/calls/variables.js';

const NAMES = ['domain_name', 'sip_gateway', 'record_path'];
const heard = fc.record({ name: fc.constantFrom(...NAMES), value: fc.string(), sequence: fc.nat(5) });

it('holds of each variable what the event with the highest sequence told, the last of equal ones, in whatever order they come', () => {
  fc.assert(fc.property(fc.array(heard), (all) => {
    const [variables, expected] = [new Variables(), new Map<string, Dated>()];
    for (const { name, value, sequence } of all) {
      variables.hear(name, value, sequence);
      if (sequence >= (expected.get(name)?.sequence ?? -1)) expected.set(name, { value, sequence });
    }
    expect([...variables]).toEqual([...expected]);
    expect([...new Variables(variables)]).toEqual([...expected]);
    for (const name of NAMES) {
      expect([variables.has(name), variables.get(name), variables.sequenceOf(name)]).toEqual([expected.has(name), expected.get(name)?.value, expected.get(name)?.sequence ?? -1]);
    }
  }));
});
