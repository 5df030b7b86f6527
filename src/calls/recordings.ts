import type { SwitchEvent } from './event.js';
import { firstAnswer, type BornLeg, type Flow } from './flow.js';
import type { Leg, Moment } from './leg.js';

/** A recording that the switch has closed. */
export interface Recorded extends Moment {
  /** As the switch names it. */
  readonly file: string;
  /** Whole seconds, cut; absent where the switch did not say. */
  readonly seconds?: number;
  /** Its `recording` has had its turn, whether or not anybody wanted to hear of it. */
  told?: boolean;
}

/** A dialplan may record a call piece by piece; beyond this nobody is told of the pieces. */
const MOST_RECORDINGS = 100;

/** Keeps what a RECORD_STOP tells of, each file once. */
export function absorbRecording(leg: Leg, event: SwitchEvent, moment: Moment): void {
  const file = event.get('Record-File-Path');
  const known = leg.recordings ?? [];
  if (!file || known.length === MOST_RECORDINGS || known.some((recorded) => recorded.file === file)) return;
  const seconds = secondsIn((name) => event.get(`variable_${name}`));
  leg.recordings = [...known, { file, ...moment, ...(seconds !== undefined && { seconds }) }];
}

/** Adds what another daemon has heard of, and takes over what it has told. */
export function addRecordings(leg: Leg, { recordings = [] }: Leg): void {
  for (const theirs of recordings) {
    const known = leg.recordings?.find(({ file }) => file === theirs.file);
    if (!known) leg.recordings = [...(leg.recordings ?? []), theirs];
    else if (theirs.told) known.told = true;
  }
}

/** The length of a leg's last recording; FreeSWITCH sets both variables when it closes the file (switch_ivr_async.c). */
export function secondsIn(variable: (name: string) => string | undefined): number | undefined {
  const ms = Number(variable('record_ms') || NaN);
  const seconds = Number.isNaN(ms) ? Number(variable('record_seconds') || NaN) : ms / 1_000;
  return seconds >= 0 && seconds < Infinity ? Math.floor(seconds) : undefined;
}

/** The file that the flow's `cdr` names, with its folder as far as it is known. */
export function recordingOf(flow: Flow): string | undefined {
  const legs = [...flow.legs, ...flow.joined.map((joined) => joined.leg)];
  const first = (value: (leg: BornLeg) => string | undefined) => legs.map(value).find(Boolean);
  return first(namedBy)
    ?? first((leg) => leg.variables.get('cc_record_filename'))
    ?? first((leg) => leg.recordedTo);
}

function namedBy({ variables }: Leg): string | undefined {
  const name = variables.get('record_name');
  const path = variables.get('record_path');
  return name && path ? `${path}/${name}` : name;
}

/**
 * What was recorded in the flow and has not had its turn as a `recording`, each file once: by its own legs, and by those that
 * joined it from a flow that is over. Of a leg in both, the flow that is up speaks.
 */
export function newRecordings(flow: Flow): Recorded[] {
  if (flow.joined.length === 0 && flow.legs.every((leg) => !leg.recordings)) return []; // as nearly always
  const own = flow.legs.filter(({ joined }) => !flow.closed || joined.every(({ closed }) => closed));
  const guests = flow.joined.flatMap(({ leg }) => (leg.flow?.closed ? [leg] : []));
  const all = [...own, ...guests].flatMap((leg) => leg.recordings ?? []);
  const isFirst = (recorded: Recorded) => all.find(({ file }) => file === recorded.file) === recorded;
  return all.filter((recorded) => isFirst(recorded) && !recorded.told);
}

/**
 * Whether a recording of the call is still being written, as far as events tell: it was answered, names one, and no RECORD_STOP
 * spoke of it. Compared by the last part of the path, for a folder may be spelled in two ways.
 */
export function awaitsRecording(flow: Flow): boolean {
  const file = flow.root.answered || firstAnswer(flow) ? recordingOf(flow) : undefined;
  if (file === undefined) return false;
  const legs = [...flow.legs, ...flow.joined.map(({ leg }) => leg)];
  return !legs.some((leg) => leg.recordings?.some((recorded) => baseName(recorded.file) === baseName(file)));
}

/** The last part of a path. */
export const baseName = (file: string): string => file.slice(file.lastIndexOf('/') + 1);
