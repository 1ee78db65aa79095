/** The same question as a command for a shell. */
import { apiUrl } from '../api/request';
import { toClipboard } from '../copy/clipboard';
import { announce } from '../widgets/announce';
import { t } from '../words/words';
import { rangeParameters } from './ask';
import type { Question } from './asking';
import { curlOf } from './curl-command';

export function Curl({ asked }: { asked: Question }) {
  const copy = async (): Promise<void> => {
    const table = asked.tab === 'table';
    const parameters: Record<string, string> = table
      ? { query: asked.query, time: String(asked.range.toMs / 1000) }
      : rangeParameters(asked.query, asked.range, asked.step);
    const command = curlOf(apiUrl(table ? 'api/v1/query' : 'api/v1/query_range'), parameters);
    announce((await toClipboard(command)) ? t('copied') : t('copyFailed'));
  };
  return (
    <button type="button" class="button" onClick={() => void copy()}>
      {t('curl')}
    </button>
  );
}
