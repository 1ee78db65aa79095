/** What the open page calls itself beyond its name in the table of pages: a GPU's page, its GPU. */
import { signal } from '@preact/signals';

export const ownTitle = signal('');
