/** A short note at the corner that also screen readers hear; it goes by itself. */
import { signal } from '@preact/signals';

const SHOWN_MS = 4000;
const note = signal('');
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  note.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (note.value = ''), SHOWN_MS);
}

export function Announcement() {
  return (
    <div class="note" role="status">
      {note.value}
    </div>
  );
}
