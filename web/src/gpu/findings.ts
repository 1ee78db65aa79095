/** What a node finds wrong with a session, an allocation or a device, in words: name, sentence, remedy. */
import { isWord, t } from '../words/words';

export interface FindingWords {
  /** As it stands in the label `finding`. */
  key: string;
  name: string;
  /** What was seen; `""` for a finding that these pages do not know yet. */
  sentence: string;
  remedy: string;
}

/** The findings of a list such as `zombie,outside_allocation`; an unknown one keeps its key as its name. */
export function findingWords(keys: string): FindingWords[] {
  return keys.split(',').filter((key) => key !== '').map((key) => ({
    key,
    name: wordOr(`find_${key}`, key),
    sentence: wordOr(`find_${key}_what`, ''),
    remedy: wordOr(`find_${key}_remedy`, ''),
  }));
}

function wordOr(key: string, other: string): string {
  return isWord(key) ? t(key) : other;
}
