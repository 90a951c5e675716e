// Light or dark: as the system says, or as chosen here; remembered by the browser.
import { useEffect, useState } from 'preact/hooks';

export type ThemeChoice = 'system' | 'light' | 'dark';
const KEY = 'earshot-theme';
const CHANGED = 'earshot-theme-changed';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

export function themeChoice(): ThemeChoice {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function chooseTheme(choice: ThemeChoice): void {
  localStorage.setItem(KEY, choice);
  applyTheme();
}

export function applyTheme(): void {
  const choice = themeChoice();
  if (choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  dispatchEvent(new Event(CHANGED));
}

/** What is drawn on a canvas or coloured by a number asks for this, and is drawn anew when it changes. */
export function useIsDark(): boolean {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const follow = () => setDark(isDark());
    systemIsDark.addEventListener('change', follow);
    addEventListener(CHANGED, follow);
    return () => {
      systemIsDark.removeEventListener('change', follow);
      removeEventListener(CHANGED, follow);
    };
  }, []);
  return dark;
}

function isDark(): boolean {
  const choice = themeChoice();
  return choice === 'system' ? systemIsDark.matches : choice === 'dark';
}

/** A colour of tokens.css as a canvas understands it. */
export function token(name: `--${string}`): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
