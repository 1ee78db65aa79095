/**
 * The PromQL editor on CodeMirror, a chunk of its own. It lives in an open shadow root, whose styles
 * are adopted sheets: as a `<style>` element they would be blocked by the content security policy.
 * Colours and fonts are custom properties, so a change of theme needs nothing here.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { forceLinting, linter, type Diagnostic } from '@codemirror/lint';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { apiUrl, request, RequestError } from '../api/request';
import { Catalogue } from './catalogue';
import { problemOf } from './problem';

export interface Words {
  /** Its name for screen readers. */
  label: string;
  placeholder: string;
}

export interface Editor {
  text(): string;
  set(text: string): void;
  words(words: Words): void;
  focus(): void;
  /** Asks the server at once what is wrong, instead of after a pause. */
  check(): void;
  destroy(): void;
}

/** A query is written by a person; the server refuses far longer ones. */
const MOST = 20_000;
/** Pause in ms after typing before the server is asked whether the text is right. */
const CHECK_AFTER_MS = 500;
/** Descriptions beside names, up to so many metrics. */
const MOST_DESCRIBED = 5000;

export function createEditor(host: HTMLElement, doc: string, words: Words, onRun: (text: string) => void): Editor {
  // CodeMirror keeps one range for measuring, which stays with the shadow root that was measured last:
  // an element of its own, taken out at the end, keeps that from holding the whole page.
  const own = document.createElement('div');
  host.append(own);
  const root = own.attachShadow({ mode: 'open' });
  const catalogue = new Catalogue();
  const promql = new PromQLExtension()
    .activateLinter(false)
    .setComplete({ remote: catalogue, maxMetricsMetadata: MOST_DESCRIBED });
  const said = new Compartment();
  const state = EditorState.create({
    doc: doc.slice(0, MOST),
    extensions: [
      keys(onRun),
      history(), closeBrackets(), bracketMatching(), autocompletion({ icons: false, maxRenderedOptions: 60 }),
      syntaxHighlighting(COLOURS), LOOK, EditorView.lineWrapping,
      EditorState.changeFilter.of((change) => change.newDoc.length <= MOST),
      promql.asExtension(),
      linter(complaints, { delay: CHECK_AFTER_MS }),
      said.of(spoken(words)),
    ],
  });
  const view = new EditorView({ state, parent: root, root });
  return {
    text: () => view.state.doc.toString(),
    set: (text) => view.dispatch({
      changes: { from: 0, to: view.state.doc.length, insert: text.slice(0, MOST) },
      selection: { anchor: Math.min(text.length, MOST) },
    }),
    words: (next) => view.dispatch({ effects: said.reconfigure(spoken(next)) }),
    focus: () => view.focus(),
    check: () => forceLinting(view),
    destroy: () => {
      view.destroy();
      promql.destroy();
      own.remove();
    },
  };
}

/** Enter runs unless a completion is chosen; Tab stays the way out. */
function keys(onRun: (text: string) => void): Extension {
  const run = (view: EditorView): boolean => {
    onRun(view.state.doc.toString());
    return true;
  };
  return [
    Prec.high(keymap.of(completionKeymap)),
    keymap.of([
      { key: 'Enter', run },
      { key: 'Mod-Enter', run },
      { key: 'Alt-Enter', run: insertNewlineAndIndent },
      { key: 'Shift-Enter', run: insertNewlineAndIndent },
      { key: 'Alt-Space', run: startCompletion },
      ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap,
    ]),
  ];
}

function spoken(words: Words): Extension {
  return [
    placeholder(words.placeholder),
    EditorView.contentAttributes.of({ 'aria-label': words.label, 'data-language': 'promql' }),
  ];
}

/** The server's own word on the text: what it will refuse, and where. */
async function complaints(view: EditorView): Promise<Diagnostic[]> {
  const text = view.state.doc.toString();
  if (text.trim() === '') return [];
  try {
    await request(apiUrl('api/v1/parse_query'), { method: 'POST', body: new URLSearchParams({ query: text }) });
    return [];
  } catch (error) {
    if (!(error instanceof RequestError) || error.status !== 400) return [];
    const problem = problemOf(error.message, text);
    const from = Math.max(0, Math.min(problem.offset, text.length - 1));
    const word = /^[\w:]+|^./.exec(text.slice(from))?.[0].length ?? 1;
    return [{ from, to: Math.min(text.length, from + word), severity: 'error', message: problem.words }];
  }
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.function(tags.variableName)], color: 'var(--code-function)' },
  { tag: [tags.string, tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number], color: 'var(--code-number)' },
  { tag: [tags.labelName], color: 'var(--code-label)' },
  { tag: [tags.comment], color: 'var(--dim)', fontStyle: 'italic' },
  { tag: [tags.invalid], color: 'var(--critical)' },
]);

const LOOK = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--background)', fontSize: '13px', border: '1px solid var(--tile-border)', borderRadius: 'var(--radius)' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', maxHeight: '40vh' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--ink)', minHeight: '32px' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-placeholder': { color: 'var(--dim)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft) !important' },
  '.cm-content ::selection': { backgroundColor: 'var(--accent-soft)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--ink)', border: '1px solid var(--tile-border)', borderRadius: 'var(--radius)', boxShadow: '0 8px 24px rgb(0 0 0 / 0.28)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '264px', maxWidth: 'min(640px, 90vw)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '20px', minHeight: '24px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--ink)' },
  '.cm-completionDetail': { color: 'var(--dim)', fontStyle: 'normal', fontSize: '12px' },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent)', fontWeight: '600' },
  '.cm-tooltip.cm-completionInfo': { padding: '6px 10px', maxWidth: '320px', font: '12px/18px var(--font)' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--critical)', padding: '4px 10px', font: '12px/18px var(--font)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--critical)', textUnderlineOffset: '3px' },
  '.cm-lintPoint-error:after': { borderBottomColor: 'var(--critical)' },
});
