// All devices: how they are, filtered by words and sorted by a column.
import { useMemo, useState } from 'preact/hooks';
import type { PageProps } from '../app.tsx';
import type { DeviceFacts } from '../base/facts.ts';
import { useFleet } from '../base/fleet.ts';
import { href, replaceRoute } from '../base/routes.ts';
import { counted } from '../base/words.ts';
import { FleetRow } from '../parts/fleet-row.tsx';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { SortHead, type Sorting, sorted } from '../parts/sorting.tsx';
import { StateFilter } from '../parts/state-filter.tsx';
import { VirtualTable } from '../parts/virtual-rows.tsx';

type Column = 'name' | 'state' | 'seen' | 'model' | 'backend' | 'celsius' | 'queued' | 'faults' | 'missing';

const VALUES: Readonly<Record<Column, (facts: DeviceFacts) => string | number | null>> = {
  name: ({ key }) => key,
  state: ({ state }) => state,
  seen: ({ lastSeenMs }) => -lastSeenMs,
  model: ({ model }) => model,
  backend: ({ backend }) => backend,
  celsius: ({ celsius }) => celsius,
  queued: ({ queued }) => queued,
  faults: ({ faults }) => faults.length,
  missing: ({ missing }) => missing,
};

const HEADS: readonly { readonly of: Column; readonly name: string; readonly isNumber?: boolean }[] = [
  { of: 'name', name: 'Device' },
  { of: 'state', name: 'State' },
  { of: 'seen', name: 'Last seen' },
  { of: 'model', name: 'Model' },
  { of: 'backend', name: 'Backend' },
  { of: 'celsius', name: 'Temperature', isNumber: true },
  { of: 'queued', name: 'Queue', isNumber: true },
  { of: 'faults', name: 'Faults' },
  { of: 'missing', name: 'Missing', isNumber: true },
];

export function FleetPage({ route }: PageProps) {
  const fleet = useFleet();
  const [sorting, setSorting] = useState<Sorting<Column>>({ key: 'name', descending: false });
  const words = route.query.get('find') ?? '';
  const state = route.query.get('state') ?? '';
  const all = fleet.facts;
  const rows = useMemo(() => {
    const found = all.filter((facts) => matches(facts, words, state));
    return sorted(sorted(found, VALUES.name, false), VALUES[sorting.key], sorting.descending);
  }, [all, words, state, sorting]);
  const narrow = (find: string, of: string) => replaceRoute(href(['devices'], { find, state: of }));
  return (
    <div class="stack fleet-page">
      <PageHead title="Fleet">
        <label class="row">
          <span class="unseen">Find devices</span>
          <input
            type="search"
            placeholder="Find by name, model, fault …"
            value={words}
            onInput={(event) => narrow(event.currentTarget.value, state)}
          />
        </label>
      </PageHead>
      <Failed error={fleet.error} retry={() => void fleet.load()} />
      <StateFilter all={all} chosen={state} onChoose={(of) => narrow(words, of)} />
      <div class="panel">
        <VirtualTable
          rows={rows}
          keyOf={({ key }) => key}
          label="Devices"
          columns={HEADS.length}
          head={HEADS.map(({ of, name, isNumber }) => (
            <SortHead key={of} of={of} sorting={sorting} onSort={setSorting} class={isNumber ? 'number' : undefined}>
              {name}
            </SortHead>
          ))}
          row={(facts) => <FleetRow facts={facts} />}
        />
        {rows.length === 0 && <NoRows isLoaded={fleet.isLoaded} hasDevices={all.length > 0} />}
      </div>
      <p class="small faint" role="status">
        {rows.length === all.length
          ? counted(all.length, 'device')
          : `${rows.length} of ${counted(all.length, 'device')}`}
      </p>
    </div>
  );
}

function NoRows({ isLoaded, hasDevices }: { readonly isLoaded: boolean; readonly hasDevices: boolean }) {
  if (!isLoaded) return <Empty>Asking the hub for its devices …</Empty>;
  if (hasDevices) return <Empty>No device is like this. Shorten the words above, or choose all states.</Empty>;
  return (
    <Empty>
      No device has spoken yet. Let one publish to this hub’s broker: <code>earshot run --broker mqtt://HOST</code>.
    </Empty>
  );
}

function matches(facts: DeviceFacts, words: string, state: string): boolean {
  if (state === 'faulty' && facts.faults.length === 0) return false;
  if (state !== '' && state !== 'faulty' && facts.state !== state) return false;
  if (words === '') return true;
  const { key, model, backend, faults } = facts;
  const text = [key, model, backend, facts.state, ...faults.map(({ code }) => code)].join(' ').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
