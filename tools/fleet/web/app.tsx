// Who is signed in decides what is shown: the login, or the shell with the page of the address.
import type { ComponentType } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { useOpenAlarms } from './base/alarms.ts';
import type { Session } from './base/answers.ts';
import { ApiError, apiAddress, configureApi, get, send } from './base/api.ts';
import { Fleet } from './base/fleet.ts';
import { HubContext } from './base/hub.ts';
import { type Route, useRoute } from './base/routes.ts';
import { HubStream } from './base/stream.ts';
import { AccountPage } from './pages/account.tsx';
import { AlarmsPage } from './pages/alarms.tsx';
import { AuditPage } from './pages/audit.tsx';
import { DevicePage } from './pages/device.tsx';
import { EventsPage } from './pages/events.tsx';
import { FleetPage } from './pages/fleet.tsx';
import { LoginPage } from './pages/login.tsx';
import { MapPage } from './pages/map.tsx';
import { QuarantinePage } from './pages/quarantine.tsx';
import { RolloutPage } from './pages/rollout.tsx';
import { RolloutsPage } from './pages/rollouts.tsx';
import { UsersPage } from './pages/users.tsx';
import { WebhooksPage } from './pages/webhooks.tsx';
import { Failed, Notice } from './parts/notice.tsx';
import { Shell } from './parts/shell.tsx';

export interface PageProps {
  readonly route: Route;
}

const PAGES: Readonly<Record<string, { page: ComponentType<PageProps>; title: string }>> = {
  devices: { page: FleetPage, title: 'Fleet' },
  map: { page: MapPage, title: 'Map' },
  events: { page: EventsPage, title: 'Events' },
  alarms: { page: AlarmsPage, title: 'Alarms' },
  rollouts: { page: RolloutsPage, title: 'Rollouts' },
  quarantine: { page: QuarantinePage, title: 'Quarantine' },
  users: { page: UsersPage, title: 'Users' },
  webhooks: { page: WebhooksPage, title: 'Webhooks' },
  account: { page: AccountPage, title: 'Account' },
  audit: { page: AuditPage, title: 'Audit' },
};

export function App() {
  const [session, setSession] = useState<Session | null>();
  const [error, setError] = useState<string>();
  const ask = useCallback(() => {
    get<Session>('session').then(
      (answer) => {
        configureApi(answer.csrfToken, () => setSession(null));
        setSession(answer);
        setError(undefined);
      },
      (failure: Error) => {
        if (failure instanceof ApiError && failure.status === 401) setSession(null);
        else setError(failure.message);
      },
    );
  }, []);
  useEffect(ask, [ask]);
  if (error) return <Failed error={error} retry={ask} />;
  if (session === undefined) return <p class="empty">Asking the hub …</p>;
  if (session === null) return <LoginPage onSignedIn={ask} />;
  return <SignedIn session={session} onSignedOut={() => setSession(null)} />;
}

interface SignedInProps {
  readonly session: Session;
  readonly onSignedOut: () => void;
}

function SignedIn({ session, onSignedOut }: SignedInProps) {
  const stream = useMemo(() => new HubStream(apiAddress('stream')), []);
  const fleet = useMemo(() => new Fleet(), []);
  useEffect(() => {
    const unfollow = fleet.follow(stream);
    stream.start();
    void fleet.load();
    return () => {
      unfollow();
      stream.stop();
    };
  }, [stream, fleet]);
  const openAlarms = useOpenAlarms(stream);
  const signOut = useCallback(() => {
    send('POST', 'logout').finally(onSignedOut);
  }, [onSignedOut]);
  return (
    <HubContext.Provider value={{ session, stream, fleet, openAlarms, signOut }}>
      <Shell>
        <CurrentPage />
      </Shell>
    </HubContext.Provider>
  );
}

function CurrentPage() {
  const route = useRoute();
  const [name = 'devices', ...rest] = route.path;
  const known = PAGES[name];
  const Page = rest.length === 0 ? known?.page : detailOf(name);
  const title = rest.length === 0 ? known?.title : rest.join('/');
  useEffect(() => {
    document.title = title ? `${title} · earshot fleet` : 'earshot fleet';
  }, [title]);
  if (!Page) return <Notice kind="warn">There is no page of this name; choose one at the side.</Notice>;
  return <Page key={route.path.slice(0, 3).join('/')} route={route} />;
}

function detailOf(name: string): ComponentType<PageProps> | undefined {
  if (name === 'devices') return DevicePage;
  return name === 'rollouts' ? RolloutPage : undefined;
}
