// Who are you: name and password; nothing of the fleet is shown before.
import { useState } from 'preact/hooks';
import { send } from '../base/api.ts';
import { Brand } from '../parts/icon.tsx';
import { Failed } from '../parts/notice.tsx';

export function LoginPage({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const signIn = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    setIsBusy(true);
    setError(undefined);
    send('POST', 'login', { name: given.get('name'), password: given.get('password') })
      .then(onSignedIn, (failure: Error) => setError(failure.message))
      .finally(() => setIsBusy(false));
  };
  return (
    <main class="login">
      <form class="panel" onSubmit={signIn}>
        <h1 class="brand">
          <Brand />
          earshot fleet
        </h1>
        <Failed error={error} />
        <label class="field">
          Name
          <input name="name" autoComplete="username" required />
        </label>
        <label class="field">
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit" class="main" disabled={isBusy}>
          Sign in
        </button>
        <p class="small faint">An administrator makes accounts on the page Users, or with earshot fleet user add.</p>
      </form>
    </main>
  );
}
