/** A modal dialog on the browser's own `<dialog>`, which keeps the focus inside and gives it back. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  open: Signal<boolean>;
  label: string;
  children: ComponentChildren;
}

export function Dialog({ open, label, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return;
    if (shown && !dialog.open) dialog.showModal();
    if (!shown && dialog.open) dialog.close();
  }, [shown]);
  return (
    <dialog
      ref={element}
      aria-label={label}
      onClose={() => (open.value = false)}
      onClick={(event) => {
        if (event.target === element.current) open.value = false;
      }}
    >
      {shown && children}
    </dialog>
  );
}
