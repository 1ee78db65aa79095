/** Where the page begins: styles, live data, keys, and the frame. */
import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/dialogs.css';
import './style/table.css';
import './style/map.css';
import './style/overview.css';
import { render } from 'preact';
import { startLive } from './live/live';
import { Frame } from './shell/frame';
import { followLinks } from './state/location';
import { followSystemTheme } from './state/preferences';
import { followPrinting } from './table/printing';

followSystemTheme();
followLinks();
followPrinting();
startLive();

const root = document.getElementById('app');
if (root !== null) render(<Frame />, root);
