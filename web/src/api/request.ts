/**
 * One way to ask the server: addresses relative to `document.baseURI` (so that a route prefix
 * works), JSON answers, and errors that carry the server's own words.
 */

/** Why an answer did not come: the server's words, or the browser's. */
export class RequestError extends Error {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The absolute address of an API path such as `api/v1/snapshot`. */
export function apiUrl(path: string, query: Readonly<Record<string, string>> = {}): string {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== '') url.searchParams.set(name, value);
  return url.href;
}

/** Asks and gives the answer's headers and body; a status other than 2xx and 304 is an error. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, credentials: 'same-origin' });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new RequestError(0, cause instanceof Error ? cause.message : String(cause));
  }
  if (response.ok || response.status === 304) return response;
  throw new RequestError(response.status, await wordsOf(response));
}

/** The `error` of the API's JSON, else the first line of the text, else the status. */
async function wordsOf(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 4096);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'error' in body) return String(body.error);
  } catch {
    // Not JSON: a proxy's page, perhaps.
  }
  const line = text.startsWith('<') ? '' : (text.split('\n')[0] ?? '');
  return line === '' ? `HTTP ${response.status} ${response.statusText}`.trim() : line;
}
