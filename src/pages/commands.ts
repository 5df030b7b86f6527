import type { program } from '../cli.js';
import { page } from './markdown.js';

type Command = ReturnType<typeof program>;

/** docs/cli.md: what `--help` says of the program and of each command, in the order in which it lists them. What the program prints from then on is lost. */
export function commandsPage(root: Command): string {
  return page('Commands', INTRODUCTION, ...sections(root, root.name()));
}

const INTRODUCTION = 'What `hookswitch --help` and `hookswitch <command> --help` say.';
/** Of a page, whatever terminal it is made on. */
const WIDTH = 120;

function sections(command: Command, name: string): string[] {
  const heading = `${command.parent === null ? '##' : '###'} ${name}`;
  return [heading, `\`\`\`text\n${helpOf(command)}\n\`\`\``, ...command.commands.flatMap((child) => sections(child, `${name} ${child.name()}`))];
}

/** With what is added after it, which only comes by way of printing. */
function helpOf(command: Command): string {
  const said: string[] = [];
  command.configureOutput({ writeOut: (text) => { said.push(text); }, getOutHelpWidth: () => WIDTH, getOutHasColors: () => false });
  command.outputHelp();
  return said.join('').split('\n').map((line) => line.trimEnd()).join('\n').trim();
}
