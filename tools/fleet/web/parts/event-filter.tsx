// What is asked of the events: it stands in the address, so that a search can be kept and sent to somebody.
import { knownClasses } from '../base/classes.ts';
import { keyOf } from '../base/facts.ts';
import { useFleet } from '../base/fleet.ts';
import { inputTime, utcOf } from '../base/words.ts';

export interface EventQuery {
  readonly class?: string | undefined;
  readonly site?: string | undefined;
  readonly device?: string | undefined;
  readonly minScore?: string | undefined;
  /** ISO 8601, UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const KEYS = ['class', 'site', 'device', 'minScore', 'from', 'to'] as const;

export function eventQuery(query: URLSearchParams): EventQuery {
  return Object.fromEntries(KEYS.flatMap((key) => (query.get(key) ? [[key, query.get(key)!]] : [])));
}

interface EventFilterProps {
  readonly query: EventQuery;
  readonly onChange: (change: EventQuery) => void;
}

export function EventFilter({ query, onChange }: EventFilterProps) {
  const fleet = useFleet();
  const devices = fleet.facts.map(keyOf).sort();
  const chooseDevice = (key: string) => {
    const [site, device] = key.split('/');
    onChange({ site: site || undefined, device });
  };
  return (
    <form class="filters" role="search" aria-label="Events" onSubmit={(event) => event.preventDefault()}>
      <label class="field">
        Class
        <select value={query.class ?? ''} onChange={(event) => onChange({ class: event.currentTarget.value })}>
          <option value="">all</option>
          {withChosen(knownClasses(), query.class).map((label) => (
            <option key={label} value={label}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Device
        <select
          value={query.device ? `${query.site}/${query.device}` : ''}
          onChange={(event) => chooseDevice(event.currentTarget.value)}
        >
          <option value="">all</option>
          {withChosen(devices, query.device && `${query.site}/${query.device}`).map((key) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </select>
      </label>
      <TimeField name="From" value={query.from} onChange={(from) => onChange({ from })} />
      <TimeField name="To" value={query.to} onChange={(to) => onChange({ to })} />
      <label class="field">
        Score at least
        <input
          type="number"
          min="0"
          max="1"
          step="0.05"
          value={query.minScore ?? ''}
          onInput={(event) => onChange({ minScore: event.currentTarget.value })}
        />
      </label>
      <button type="reset" onClick={() => onChange(Object.fromEntries(KEYS.map((key) => [key, undefined])))}>
        Clear
      </button>
    </form>
  );
}

interface TimeFieldProps {
  readonly name: string;
  readonly value: string | undefined;
  readonly onChange: (utc: string | undefined) => void;
}

function TimeField({ name, value, onChange }: TimeFieldProps) {
  return (
    <label class="field">
      {name}
      <input
        type="datetime-local"
        value={value ? inputTime(new Date(value)) : ''}
        onChange={(event) => onChange(utcOf(event.currentTarget.value))}
      />
    </label>
  );
}

function withChosen(options: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen && !options.includes(chosen) ? [...options, chosen] : options;
}
