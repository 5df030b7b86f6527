import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config.js';
import { codeOf } from '../../db/pool.js';
import { failed, ok, warning, type Finding } from './finding.js';

const LEAST_BYTES = 100 * 2 ** 20;
const SCARCE_BYTES = 2 ** 30;

/** The zone of webhooks: UTC is seldom meant where the machine itself keeps another. */
export function checkTimeZone({ timeZone }: Config, machineZone: string, now: Date): Finding {
  const says = `webhooks say their times in ${timeZone}, where it is ${new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(now)}`;
  return timeZone === 'UTC' && !/^(Etc\/)?UTC$/.test(machineZone) ? warning('time-zone', `${says}; this machine keeps ${machineZone}`) : ok('time-zone', says);
}

/** Whether the data folder, or what it would be made in, can be written to and has room. */
export async function checkDataFolder({ dataDir }: Config): Promise<Finding[]> {
  const place = await nearest(dataDir);
  const says = place === dataDir ? dataDir : `${dataDir} (to be made in ${place})`;
  const refusal = await access(place, constants.W_OK | constants.X_OK).then(() => undefined, codeOf);
  const folder = refusal === undefined ? ok('data-folder', `${says} can be written to`) : failed('data-folder', `${says} cannot be written to: ${refusal}`);
  const { bavail, bsize } = await statfs(place);
  const room = `${(bavail * bsize / 2 ** 30).toFixed(1)} GiB are free on the disk of ${place}`;
  return [folder, bavail * bsize < LEAST_BYTES ? failed('data-space', room) : bavail * bsize < SCARCE_BYTES ? warning('data-space', room) : ok('data-space', room)];
}

/** The folder, or of those above it the first that there is. */
async function nearest(folder: string): Promise<string> {
  const there = await access(folder).then(() => true, () => false);
  return there || dirname(folder) === folder ? folder : nearest(dirname(folder));
}
