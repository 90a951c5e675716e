import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wizardPages } from '../../../boards/first-boot.ts';
import { Console, type OpenLine } from '../../../tools/board/console.ts';
import { answerWizard } from '../../../tools/board/console-wizard.ts';
import { Transcript } from '../../../tools/board/transcript.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-wizard-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const CLEAR = '\u001b[2J\u001b[H\u001b(0lqqqqqqqqk\u001b(B ';

/** Draws pages as newt does, the next one when a button is pressed; keeps what was typed on each. */
function pagesOn(pages: readonly string[], typed: string[]): OpenLine {
  return async (_, { onData }) => {
    let at = 0;
    let keys = '';
    let isOpen = true;
    const draw = () =>
      isOpen && onData(Buffer.from(pages[at]! === 'login' ? 'mill-3 login: ' : `${CLEAR}${pages[at]}\r\n`));
    setTimeout(draw, 10);
    return {
      close: async () => {
        isOpen = false;
      },
      write(text) {
        keys += text;
        if (!keys.includes('\r') || at >= pages.length - 1) return;
        typed.push(keys);
        keys = '';
        at += 1;
        setTimeout(draw, 10);
      },
    };
  };
}

const ACCOUNT = { user: 'nvidia', passwords: ['nvidia'], newPassword: 'a-word-of-its-own' };

test('the first-boot questions are answered up to the login prompt, in the order in which they come', async () => {
  const typed: string[] = [];
  const pages = [
    ...[
      'Press ENTER to start System Configuration... ',
      'License For Customer Use of NVIDIA Software',
      'Select a language',
    ],
    ...['Select your location', 'Configure the keyboard: keyboard layout', 'Configuring tzdata: Time zone:'],
    ...['Who are you? Please enter the full name for the new user', 'Please enter the username for your account'],
    ...[
      'Choose a password for the new user:',
      'Re-enter password to verify:',
      'Use weak password?',
      'APP Partition Size',
    ],
    ...[
      'Create SWAP File: swap file',
      'Network configuration: Primary network interface',
      'Hostname:',
      'Select Nvpmodel Mode',
    ],
    'login',
  ];
  const transcript = new Transcript(join(folder, 'transcript.log'));
  const console = new Console({ path: '/dev/none', open: pagesOn(pages, typed), transcript });
  await console.open();
  await answerWizard(console, wizardPages('orin-nano-8gb'), { account: ACCOUNT, hostname: 'mill-3' }, 60);
  await console.close();
  expect(typed).toHaveLength(pages.length - 1);
  const answers = Object.fromEntries(pages.map((page, i) => [page.slice(0, 12), typed[i]]));
  expect(answers['Who are you?']).toBe('nvidia\t\r');
  expect(answers['Please enter']).toBe('nvidia\t\r');
  expect(answers['Choose a pas']).toBe('a-word-of-its-own\t\r');
  expect(answers['Re-enter pas']).toBe('a-word-of-its-own\t\r');
  expect(answers['Hostname:']).toBe('mill-3\t\r');
  expect(answers['License For ']).toBe('\t\r');
  expect(readFileSync(join(folder, 'transcript.log'), 'utf8')).not.toContain('a-word-of-its-own');
}, 20_000);

test('questions that come again and again end with a sentence', async () => {
  const pages = Array.from({ length: 60 }, () => 'Select a language');
  const transcript = new Transcript(join(folder, 'transcript.log'));
  const console = new Console({ path: '/dev/none', open: pagesOn(pages, []), transcript });
  await console.open();
  await expect(answerWizard(console, wizardPages(), { account: ACCOUNT, hostname: 'mill-3' }, 20)).rejects.toThrow(
    'do not end: answer them by hand',
  );
  await console.close();
}, 20_000);

test('a board is asked what the wizards of its JetPacks ask; one that is not known, what any of them asks', () => {
  const names = (board?: string) => wizardPages(board).map(({ name }) => name);
  expect(names('nano')).toContain('browser');
  expect(names('nano')).not.toContain('clock'); // nv-oobe alone
  expect(names('agx-thor')).toContain('clock');
  expect(names('agx-thor')).not.toContain('browser');
  for (const both of ['orin-nano', 'orin-nano-8gb', 'virt-arm64', 'no-such-board', undefined])
    expect(names(both)).toEqual(expect.arrayContaining(['clock', 'browser']));
  // "Re-enter password" is looked for before "password".
  expect(names().indexOf('password again')).toBeLessThan(names().indexOf('password'));
});
