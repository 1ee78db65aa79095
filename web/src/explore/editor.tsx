/** The place of the editor: the same height before and after its chunk has come, and a plain text box if it does not. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { language } from '../state/preferences';
import { t } from '../words/words';
import type { Editor as Core } from './editor-core';

export interface EditorHandle {
  text: () => string;
  /** Asks the server at once what is wrong with the text. */
  check: () => void;
}

interface Props {
  /** Replaces what is written whenever it changes. */
  query: string;
  onRun: (text: string) => void;
  handle: { current: EditorHandle | null };
}

export function Editor({ query, onRun, handle }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const core = useRef<Core | null>(null);
  const run = useRef(onRun);
  run.current = onRun;
  const latest = useRef(query);
  latest.current = query;
  const [plain, setPlain] = useState(false);
  const words = (): { label: string; placeholder: string } => ({ label: t('promql'), placeholder: t('promqlHint') });
  useEffect(() => {
    let gone = false;
    import('./editor-core').then(
      ({ createEditor }) => {
        if (gone || host.current === null) return;
        const made = createEditor(host.current, latest.current, words(), (text) => run.current(text));
        core.current = made;
        handle.current = { text: () => made.text(), check: () => made.check() };
        // Who opened the page to ask begins to write; who opened a link begins to read.
        if (latest.current === '') made.focus();
      },
      () => !gone && setPlain(true),
    );
    return () => {
      gone = true;
      core.current?.destroy();
      core.current = null;
      handle.current = null;
    };
  }, []);
  useEffect(() => core.current?.words(words()), [language.value]);
  useEffect(() => {
    if (core.current !== null && core.current.text() !== query) core.current.set(query);
  }, [query]);
  if (plain) return <Plain query={query} onRun={onRun} handle={handle} />;
  return <div class="editor" ref={host} />;
}

/** Without colours and completion, where the editor could not be loaded. */
function Plain({ query, onRun, handle }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    handle.current = { text: () => area.current?.value ?? '', check: () => undefined };
  }, []);
  return (
    <textarea
      ref={area}
      class="input plain-editor"
      aria-label={t('promql')}
      placeholder={t('promqlHint')}
      spellcheck={false}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.altKey || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        onRun(event.currentTarget.value);
      }}
    >
      {query}
    </textarea>
  );
}
