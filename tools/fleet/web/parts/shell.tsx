// The frame of every page: side bar with the pages, the state of the stream, theme and sign-out; the page itself as main.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useHub } from '../base/hub.ts';
import { href, useRoute } from '../base/routes.ts';
import { Brand, Icon, type IconName } from './icon.tsx';
import { StreamLine } from './stream-line.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

interface PageLink {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly adminOnly?: boolean;
}

const PAGES: readonly PageLink[] = [
  { path: 'devices', name: 'Fleet', icon: 'fleet' },
  { path: 'map', name: 'Map', icon: 'map' },
  { path: 'events', name: 'Events', icon: 'events' },
  { path: 'alarms', name: 'Alarms', icon: 'alarms' },
  { path: 'rollouts', name: 'Rollouts', icon: 'rollouts' },
  { path: 'quarantine', name: 'Quarantine', icon: 'quarantine' },
  { path: 'users', name: 'Users', icon: 'users', adminOnly: true },
  { path: 'webhooks', name: 'Webhooks', icon: 'webhooks', adminOnly: true },
  { path: 'audit', name: 'Audit', icon: 'audit', adminOnly: true },
];

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const { session, signOut } = useHub();
  const page = useRoute().path[0] ?? 'devices';
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // A new page begins at its head, for eyes and for screen readers; the first one leaves the focus where it is.
    if (!isFirst.current) main.current!.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [page]);
  return (
    <div class="shell">
      <button type="button" class="skip main" onClick={() => main.current!.focus()}>
        Skip to the content
      </button>
      <header class="side">
        <a class="brand" href={href(['devices'])}>
          <Brand />
          earshot fleet
        </a>
        <nav aria-label="Pages">
          <ul>
            {PAGES.filter(({ adminOnly }) => !adminOnly || session.role === 'admin').map(({ path, name, icon }) => (
              <li key={path}>
                <a href={href([path])} aria-current={page === path ? 'page' : undefined}>
                  <Icon name={icon} />
                  {name}
                  {path === 'alarms' && <OpenAlarms />}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="foot">
          <StreamLine />
          <ThemeSwitch />
          <div class="row spread">
            <span>
              <a href={href(['account'])}>{session.name}</a>
              <span class="faint"> · {session.role}</span>
            </span>
            <button type="button" class="plain small" onClick={signOut}>
              Sign out
            </button>
          </div>
        </div>
      </header>
      <main ref={main} tabIndex={-1} id="main">
        {children}
      </main>
    </div>
  );
}

function OpenAlarms() {
  const { openAlarms } = useHub();
  if (openAlarms === 0) return null;
  return (
    <span class="tag bad count">
      {openAlarms}
      <span class="unseen"> open</span>
    </span>
  );
}
