/** Whether the page is being printed: tables then hold every row. */
import { signal } from '@preact/signals';

export const printing = signal(false);

export function followPrinting(): void {
  const media = matchMedia('print');
  media.addEventListener('change', () => (printing.value = media.matches));
  window.addEventListener('beforeprint', () => (printing.value = true));
  window.addEventListener('afterprint', () => (printing.value = false));
}
