// Who did what on this hub, the newest first.
import type { AuditEntry } from '../base/answers.ts';
import { useLoaded } from '../base/load.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

export function AuditPage() {
  const { value, error, isLoading, reload } = useLoaded<{ entries: AuditEntry[] }>('audit');
  const entries = value?.entries ?? [];
  return (
    <div class="stack">
      <PageHead title="Audit">
        <button type="button" onClick={reload}>
          Ask again
        </button>
      </PageHead>
      <Failed error={error} retry={reload} />
      <div class="panel scroll">
        {entries.length === 0 && !error && <Empty>{isLoading ? 'Looking …' : 'Nobody has done anything yet.'}</Empty>}
        {entries.length > 0 && (
          <table aria-label="Audit">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">From</th>
                <th scope="col">What</th>
                <th scope="col">About</th>
                <th scope="col">Details</th>
              </tr>
            </thead>
            <tbody>
              {entries.map(({ id, time, who, address, what, about, details }) => (
                <tr key={id}>
                  <td>
                    <Time at={time} />
                  </td>
                  <td>{who}</td>
                  <td>{address ?? '–'}</td>
                  <td>{what}</td>
                  <td>{about}</td>
                  <td class="clip code" title={details ? JSON.stringify(details) : undefined}>
                    {details ? JSON.stringify(details) : ''}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </div>
  );
}
