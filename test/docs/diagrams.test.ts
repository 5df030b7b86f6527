import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { asGolden, goldensOf, play, type Golden } from '../support/goldens.js';
import { SCRIPTED } from './kinds.js';

/** What `scripts/diagrams.mjs --json` says of one picture; legs and flows by their letters. */
interface Picture {
  name: string;
  recording: string | null;
  flows: { leg: string; fields: Record<string, string> }[];
  steps: ({ kind: 'webhook'; state: string; flow: string; leg: string; fields: Record<string, string> } | { kind: 'arrow' | 'talk' | 'refused' | 'meanwhile' })[];
}

const ROOT = new URL('../../', import.meta.url).pathname;
const draw = async (...options: string[]) => (await promisify(execFile)(process.execPath, ['scripts/diagrams.mjs', ...options], { cwd: ROOT, maxBuffer: 8 << 20 })).stdout;
const pictures = JSON.parse(await draw('--json')) as Picture[];

/** The webhooks of a call of that kind: those that its recording must produce, or that the rules make of its script. */
async function happened({ name, recording }: Picture): Promise<Golden[]> {
  return recording === null ? play(SCRIPTED[name]!().events).notices.map(asGolden) : await goldensOf(`calls/${recording}`);
}

/** Ids become letters, by the picture's own: the n-th webhook shows which id a letter stands for, and it stands for that from then on. */
function lettered(told: Golden[], { steps, flows }: Picture) {
  const shown = steps.filter((step) => step.kind === 'webhook');
  const letters = new Map<string, string>();
  for (const [index, webhook] of told.entries()) {
    const { flow, leg } = shown[index] ?? {};
    for (const [id, letter] of [[webhook.flow, flow], [webhook.leg, leg]]) {
      if (id !== undefined && letter !== undefined && !letters.has(id) && ![...letters.values()].includes(letter)) letters.set(id, letter);
    }
  }
  return told.map(({ flow, leg, payload }, index) => {
    const fields = { ...flows.find((candidate) => candidate.leg === shown[index]?.flow)?.fields, ...shown[index]?.fields };
    const text = Object.fromEntries(Object.keys(fields).map((name) => [name, String((payload as unknown as Record<string, unknown>)[name])]));
    const id = letters.get(payload.call_id) ?? payload.call_id;
    return { state: payload.state, flow: letters.get(flow) ?? flow, leg: payload.state === 'ringing' || payload.state === 'answered' ? letters.get(leg) ?? leg : '', fields: { ...text, call_id: id } };
  });
}

/** The same of the picture. Which leg fires a hangup or a cdr is nothing that a receiver sees. */
function drawn({ steps, flows }: Picture) {
  return steps.filter((step) => step.kind === 'webhook').map(({ state, flow, leg, fields }) => ({
    state, flow, leg: state === 'ringing' || state === 'answered' ? leg : '', fields: { ...flows.find((candidate) => candidate.leg === flow)?.fields, ...fields },
  }));
}

it('the pictures are what the texts beside them say', async () => {
  await expect(draw('--check')).resolves.toBe('');
});

it('each script of a call is shown by a picture, and none has a recording besides', () => {
  expect(pictures.filter(({ recording }) => recording === null).map(({ name }) => name)).toEqual(Object.keys(SCRIPTED).sort());
});

it.each(pictures.map((picture) => [picture.name, picture] as const))('%s shows the webhooks of a call of that kind, in their order', async (_name, picture) => {
  expect(lettered(await happened(picture), picture)).toEqual(drawn(picture));
});
