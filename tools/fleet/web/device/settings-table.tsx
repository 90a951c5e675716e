// Settings side by side: in use and wished; where they differ the row says so.
interface SettingsTableProps {
  readonly inUse: Readonly<Record<string, unknown>>;
  readonly wished: Readonly<Record<string, unknown>>;
}

export function SettingsTable({ inUse, wished }: SettingsTableProps) {
  const [used, wish] = [new Map(leaves(inUse)), new Map(leaves(wished))];
  const keys = [...new Set([...used.keys(), ...wish.keys()])].sort();
  if (keys.length === 0) return <p class="empty">No setting is known yet.</p>;
  return (
    <div class="scroll">
      <table class="settings" aria-label="Settings">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">In use</th>
            <th scope="col">Wished</th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => {
            const differs = wish.has(key) && wish.get(key) !== used.get(key);
            return (
              <tr key={key}>
                <th scope="row" class="code">
                  {key}
                </th>
                <td class="code">{used.get(key) ?? '–'}</td>
                <td class="code">
                  {wish.get(key) ?? ''} {differs && <span class="tag warn">not yet in use</span>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Values by dotted name, as JSON. */
function leaves(value: Readonly<Record<string, unknown>>, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] => {
    const name = prefix + key;
    const isGroup = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    return isGroup ? leaves(inner as Record<string, unknown>, `${name}.`) : [[name, JSON.stringify(inner)]];
  });
}
