/** A table in Markdown; what stands in a cell cannot end it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** As code, or nothing where there is nothing. */
export const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** A page that nobody should mend by hand. */
export function page(title: string, ...parts: readonly string[]): string {
  return [`# ${title}`, '<!-- Made from the code by `npm run docs`. -->', ...parts].join('\n\n') + '\n';
}
