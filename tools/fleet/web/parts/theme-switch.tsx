// Light, dark, or as the system says.
import { useState } from 'preact/hooks';
import { chooseTheme, type ThemeChoice, themeChoice } from '../base/theme.ts';

export function ThemeSwitch() {
  const [choice, setChoice] = useState(themeChoice);
  const choose = (value: ThemeChoice) => {
    chooseTheme(value);
    setChoice(value);
  };
  return (
    <label class="row">
      <span class="unseen">Theme</span>
      <select value={choice} onChange={(event) => choose(event.currentTarget.value as ThemeChoice)}>
        <option value="system">System theme</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
