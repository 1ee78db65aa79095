/** A request as a command line for any POSIX shell. Pure. */

export function curlOf(url: string, parameters: Readonly<Record<string, string>>): string {
  const words = Object.entries(parameters).map(([name, value]) => `--data-urlencode ${inShell(`${name}=${value}`)}`);
  return `curl ${inShell(url)} ${words.join(' ')}`;
}

function inShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
