// Starts the page.
import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme } from './base/theme.ts';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/fleet.css';
import './style/device.css';
import './style/map.css';
import './style/pages.css';

applyTheme();
render(<App />, document.getElementById('page')!);
