import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The functions in which the profiled process spent most time itself, from the one `.cpuprofile` in `folder`; shares are of the time that it was busy. */
export async function topFunctions(folder, count = 15) {
  const file = (await readdir(folder)).find((name) => name.endsWith('.cpuprofile'));
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(join(folder, file), 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const selfUs = new Map();
  samples.forEach((id, index) => {
    const name = nameOf(byId.get(id).callFrame);
    selfUs.set(name, (selfUs.get(name) ?? 0) + timeDeltas[index]);
  });
  selfUs.delete('(idle)');
  const busyUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  const sorted = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, count);
  return sorted.map(([name, us]) => ({ function: name, percent: Math.round(us / busyUs * 1_000) / 10, ms: Math.round(us / 1_000) }));
}

function nameOf({ functionName, url, lineNumber }) {
  if (url === '') return functionName;
  const file = url.replace(/^.*\/(?=node_modules\/|dist\/)/, '');
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}
