// Starts the page.
import { render } from 'preact';

render(<main>earshot fleet</main>, document.getElementById('page')!);
