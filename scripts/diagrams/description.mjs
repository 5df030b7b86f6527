/**
 * Reads the text of one picture. A line each, `#` begins a comment, and `English | Vietnamese` gives both languages:
 *
 *   title      Called in, answered | Gọi vào, có người nghe
 *   recording  06-inbound-ext-answered          a recorded call of this kind; without one, a scripted call of the tests has the picture's name
 *   flow       A direction=inbound from_number=0912345678 hotline=842873001001
 *   party      A 0912345678 caller | người gọi
 *   pbx
 *   A > pbx    calls | gọi đến                  an arrow, and what it means
 *   A = B      they talk | đàm thoại            two parties connected
 *   pbx x B    stops ringing | ngừng đổ chuông   an arrow, broken: the PBX ends something
 *   -          later | sau đó                   something that happens between the others
 *   ! ringing  call_id=A to_number=1001         a webhook: of flow A, about leg B, unless `flow=` and `leg=` say otherwise
 *
 * A party's letter stands for its leg's id. It throws where a line says nothing that is known, naming file and line.
 */
export function readDescription(name, text) {
  const call = { name, title: [], recording: null, flows: [], columns: [], steps: [] };
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.replace(/(^|\s)#.*$/, '').trim();
    if (words === '') continue;
    try {
      readLine(call, words);
    } catch (error) {
      throw new Error(`docs/diagrams/${name}.txt, line ${index + 1}: ${error.message}`, { cause: error });
    }
  }
  for (const step of call.steps) checkParties(call, step);
  return call;
}

function readLine(call, line) {
  const [first, ...rest] = line.split(/\s+/);
  const after = line.slice(first.length).trim();
  if (first === 'title') call.title = bothLanguages(after);
  else if (first === 'recording') call.recording = after;
  else if (first === 'flow') call.flows.push({ leg: rest[0], fields: fieldsOf(rest.slice(1)) });
  else if (first === 'party') call.columns.push({ id: rest[0], number: rest[1], role: bothLanguages(rest.slice(2).join(' ')) });
  else if (line === 'pbx') call.columns.push({ id: 'pbx', number: 'PBX', role: ['', ''] });
  else if (first === '-') call.steps.push({ kind: 'meanwhile', label: bothLanguages(after) });
  else if (first === '!') call.steps.push(webhookOf(call, rest));
  else if (['>', '=', 'x'].includes(rest[0])) call.steps.push({ kind: { '>': 'arrow', '=': 'talk', x: 'refused' }[rest[0]], from: first, to: rest[1], label: bothLanguages(rest.slice(2).join(' ')) });
  else throw new Error(`nothing begins with "${first}"`);
}

/** A webhook belongs to the first flow, and is about the leg whose id it carries, unless it says otherwise. */
function webhookOf(call, [state, ...rest]) {
  const { flow = call.flows[0]?.leg, leg, ...fields } = fieldsOf(rest);
  if (fields.call_id === undefined) throw new Error('a webhook needs its call_id');
  return { kind: 'webhook', state, flow, leg: leg ?? fields.call_id, fields };
}

function fieldsOf(words) {
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw new Error(`"${word}" is no name=value`);
    return [word.slice(0, at), word.slice(at + 1)];
  }));
}

function bothLanguages(text) {
  const [english, vietnamese, ...more] = text.split('|').map((part) => part.trim());
  if (more.length > 0 || english === '') throw new Error(`"${text}" is not English | Vietnamese`);
  return [english, vietnamese ?? english];
}

function checkParties(call, step) {
  const known = new Set(call.columns.map(({ id }) => id));
  const named = step.kind === 'webhook' ? [step.flow, step.leg, step.fields.call_id] : [step.from, step.to];
  for (const id of named) if (id !== undefined && !known.has(id)) throw new Error(`docs/diagrams/${call.name}.txt: there is no party ${id}`);
}
