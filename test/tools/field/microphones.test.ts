// The list of sound cards: names that last, what fits, and twins told apart by their socket.
import { earshot, jsonLines } from '../../earshot.ts';
import { plugIn, streamOf } from '../../fakes/ordered-arecord.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const list = (root: string, ...more: string[]) => earshot(['field', 'microphones', '--root', root, ...more]);

test('a microphone is listed with the name that lasts, its profile and the settings to use', async () => {
  const root = await temporaryFolder();
  plugIn(root, [
    { number: 0, id: 'PCH', title: 'HDA Intel PCH' },
    {
      ...{ number: 2, id: 'H3VR', title: 'ZOOM H3-VR', usbId: '1686:ffff', port: '1-2.3' },
      ...{ byId: 'usb-ZOOM_Corporation_H3-VR-00', stream: streamOf('S24_3LE', 4, '44100, 48000') },
    },
    { number: 3, id: 'ArrayUAC10', title: 'ReSpeaker 4 Mic Array (UAC1.0)', usbId: '2886:0018', serial: 'S7' },
  ]);
  const { code, stdout } = await list(root);
  expect(code).toBe(0);
  expect(stdout).toContain(
    [
      'ZOOM H3-VR',
      '  name      usb-ZOOM_Corporation_H3-VR-00',
      '  card      2 [H3VR], USB 1686:ffff at port 1-2.3',
      '  offers    4 channels S24_3LE at 44100/48000 Hz',
      '  profile   zoom-h3-vr: Zoom H3-VR as USB interface, AmbiX',
      '  settings  {"microphone":{"profile":"zoom-h3-vr","device":"usb-ZOOM_Corporation_H3-VR-00"}}',
    ].join('\n'),
  );
  expect(jsonLines((await list(root, '--json')).stdout).map(({ name, profile }) => [name, profile])).toEqual([
    ['card:PCH', null],
    ['usb-ZOOM_Corporation_H3-VR-00', 'zoom-h3-vr'],
    ['2886:0018:S7', 'respeaker-mic-array-v2'],
  ]);
});

test('two of a kind without serial numbers are named by their sockets', async () => {
  const root = await temporaryFolder();
  const one = { title: 'ambiMIK', usbId: '2752:ffff', byId: 'usb-miniDSP_ambiMIK-00' };
  plugIn(root, [
    { ...one, number: 1, id: 'ambiMIK', port: '1-1' },
    { ...one, number: 2, id: 'ambiMIK_1', port: '1-4', byId: undefined },
  ]);
  expect(jsonLines((await list(root, '--json')).stdout).map(({ name }) => name)).toEqual(['port:1-1', 'port:1-4']);
});

test('a machine without sound says so', async () => {
  const { code, stdout } = await list(await temporaryFolder());
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'No sound card that records is plugged in.\n' });
});

test('the profiles are listed, and that nobody has tried them yet', async () => {
  const { stdout } = await earshot(['field', 'microphones', '--profiles']);
  expect(stdout).toMatch(
    /^sennheiser-ambeo-vr +Sennheiser AMBEO VR Mic on a four-channel sound card \(not tried yet\)$/m,
  );
});
