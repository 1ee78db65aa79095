/** The few line icons, drawn on a 16 by 16 grid in the colour of the text. */
const PATHS = {
  pulse: 'M1 9h3l2-5 3 8 2.2-5L12.4 9H15',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.4 10.4 14 14',
  keyboard: 'M1.5 4h13v8h-13zM4 6.6h.01M6.7 6.6h.01M9.3 6.6h.01M12 6.6h.01M5 9.5h6',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  map: 'M2 3h3.3v4H2zM6.3 3h3.4v4H6.3zM10.7 3H14v4h-3.3zM2 9h3.3v4H2zM6.3 9h3.4v4H6.3zM10.7 9H14v4h-3.3z',
  rows: 'M2 3.5h12M2 8h12M2 12.5h12',
  down: 'M4 6l4 4 4-4',
  fit: 'M2 2.5h12M2 13.5h12M8 5v6M6 6.8 8 4.8l2 2M6 9.2l2 2 2-2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
