/** The program under test: `gpulse demo` and others on a free port, started and ended here. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const BINARY = process.env['GPULSE_TEST_BIN'] ?? '';
/** How long a start may take, in ms: machines of test runs are slow and shared. */
const PATIENCE_MS = 240_000;
/** Clock ticks a second in /proc. */
const TICKS = 100;

/** Whether the program is the one that users run. */
export const isRelease = BINARY.includes('/release/');

/** The fleet of every check that names no other: the same seed and clock give the same figures. */
export const FLEET = ['demo', '--seed', '42', '--clock', '2026-01-15T09:00:00Z'];

export class Program {
  #child;
  #said = '';
  url = '';

  /** Starts `gpulse` with these arguments and waits until it says where it listens. */
  static async start(...args) {
    if (BINARY === '') throw new Error('GPULSE_TEST_BIN is not set: run `cargo xtask ui --test`');
    const program = new Program();
    await program.#start(args);
    return program;
  }

  async #start(args) {
    const child = spawn(BINARY, [...args, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no address after 4 minutes: ${this.#said}`)), PATIENCE_MS);
      const read = (chunk) => {
        this.#said = (this.#said + chunk).slice(-4000);
        const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(this.#said);
        if (found === null) return;
        clearTimeout(timer);
        resolve(`${found[1]}/`);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      child.on('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`gpulse ended with ${code}: ${this.#said}`));
      });
    });
  }

  /** An answer of the API as JSON. */
  async api(path) {
    const response = await fetch(new URL(path, this.url)).catch((error) => {
      const ended = this.#child.exitCode ?? this.#child.signalCode;
      throw new Error(`${path}: ${error.cause?.message ?? error.message}${ended === null ? '' : `; gpulse ended with ${ended}`}: ${this.#said.slice(-500)}`);
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 300)} ${this.#said.slice(-500)}`);
    return response.json();
  }

  /** Waits for data, and where it is asked for until the past is filled in. */
  async ready({ history = true } = {}) {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const snapshot = await this.api('api/v1/snapshot');
      if (snapshot.gpu.uuid.length > 0 && (!history || (snapshot.backfill ?? null) === null)) return snapshot;
      if (Date.now() > until) throw new Error('no data after 4 minutes');
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  /** CPU seconds it has used so far. */
  cpu() {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  async stop() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}
