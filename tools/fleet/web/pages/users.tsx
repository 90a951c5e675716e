// Who may sign in, and what each may do; only administrators come here.
import { useState } from 'preact/hooks';
import type { Role, User } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { RemoveButton } from '../parts/remove-button.tsx';
import { Time } from '../parts/time.tsx';

const ROLES: readonly { readonly role: Role; readonly may: string }[] = [
  { role: 'viewer', may: 'sees everything of the fleet' },
  { role: 'operator', may: 'also commands, settings, rollouts, alarms' },
  { role: 'admin', may: 'also users, webhooks, audit' },
];

export function UsersPage() {
  const { session } = useHub();
  const { value, error, reload } = useLoaded<{ users: User[] }>('users');
  const [refused, setRefused] = useState<string>();
  const remove = (name: string) => {
    setRefused(undefined);
    send('DELETE', `users/${encodeURIComponent(name)}`).then(reload, (failure: Error) => setRefused(failure.message));
  };
  const users = value?.users ?? [];
  return (
    <div class="stack">
      <PageHead title="Users" />
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <Panel title="Accounts" flush>
        {users.length === 0 && <Empty>Asking the hub …</Empty>}
        {users.length > 0 && (
          <table aria-label="Accounts">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Since</th>
                <th scope="col">
                  <span class="unseen">Remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.map(({ name, role, created }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td>{role}</td>
                  <td>
                    <Time at={created} />
                  </td>
                  <td class="number">
                    {name === session.name ? (
                      <span class="faint">you</span>
                    ) : (
                      <RemoveButton name={name} onRemove={() => remove(name)} />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      <NewUser onMade={reload} />
    </div>
  );
}

function NewUser({ onMade }: { readonly onMade: () => void }) {
  const [error, setError] = useState<string>();
  const [made, setMade] = useState<string>();
  const make = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = Object.fromEntries(new FormData(form));
    setError(undefined);
    send('POST', 'users', given).then(
      () => {
        setMade(String(given.name));
        form.reset();
        onMade();
      },
      (failure: Error) => setError(failure.message),
    );
  };
  return (
    <Panel title="New account">
      <form class="filters" onSubmit={make}>
        <label class="field">
          Name
          <input name="name" required autoComplete="off" />
        </label>
        <label class="field">
          Password
          <input name="password" type="password" required minLength={12} autoComplete="new-password" />
        </label>
        <label class="field">
          Role
          <select name="role">
            {ROLES.map(({ role, may }) => (
              <option key={role} value={role}>
                {role}: {may}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="main">
          Make the account
        </button>
      </form>
      <Failed error={error} />
      <p class="small faint" role="status">
        {made ? `${made} can sign in now.` : 'A password has at least 12 characters.'}
      </p>
    </Panel>
  );
}
