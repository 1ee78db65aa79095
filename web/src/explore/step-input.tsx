/** The step of the chart: chosen by the range, or typed. */
import { useState } from 'preact/hooks';
import { setParameters } from '../state/location';
import { t } from '../words/words';
import type { Question } from './asking';
import { parseStep, writeStep } from './step';

export function StepInput({ asked }: { asked: Question }) {
  const [bad, setBad] = useState('');
  const apply = (text: string): void => {
    const wrong = text.trim() !== '' && parseStep(text) === null;
    setBad(wrong ? text.slice(0, 20) : '');
    if (!wrong) setParameters({ step: text.trim() });
  };
  return (
    <label class="field">
      <span>{t('step')}</span>
      <input
        class="input step"
        value={asked.stepText}
        placeholder={t('stepAuto', { step: writeStep(asked.step) })}
        aria-invalid={bad !== ''}
        maxLength={8}
        spellcheck={false}
        onChange={(event) => apply(event.currentTarget.value)}
      />
      {bad !== '' && (
        <span class="tone-warning" role="alert">
          ▲ {t('stepBad', { text: bad })}
        </span>
      )}
    </label>
  );
}
