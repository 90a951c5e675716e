// The own account: a new password.
import { useState } from 'preact/hooks';
import { send } from '../base/api.ts';
import { useHub } from '../base/hub.ts';
import { Failed } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';

export function AccountPage() {
  const { session } = useHub();
  const [error, setError] = useState<string>();
  const [isDone, setIsDone] = useState(false);
  const change = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    setError(undefined);
    setIsDone(false);
    send('POST', 'password', { current: given.get('current'), password: given.get('password') }).then(
      () => {
        form.reset();
        setIsDone(true);
      },
      (failure: Error) => setError(failure.message),
    );
  };
  return (
    <div class="stack">
      <PageHead title={session.name} />
      <Panel title="Change the password">
        <form class="filters" onSubmit={change}>
          <label class="field">
            Current password
            <input name="current" type="password" required autoComplete="current-password" />
          </label>
          <label class="field">
            New password
            <input name="password" type="password" required minLength={12} autoComplete="new-password" />
          </label>
          <button type="submit" class="main">
            Change it
          </button>
        </form>
        <Failed error={error} />
        <p class="small faint" role="status">
          {isDone
            ? 'The password is changed; all other sessions have ended.'
            : 'At least 12 characters. All other sessions of yours end.'}
        </p>
      </Panel>
    </div>
  );
}
