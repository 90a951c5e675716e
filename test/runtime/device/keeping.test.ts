// Commands from far for what is kept: what they take, and what is refused.
import { clipCommands } from '../../../runtime/device/keeping.ts';
import type { Recorder } from '../../../runtime/device/recorder.ts';

function recorder() {
  const asked: unknown[][] = [];
  const kept = {
    isRecording: true,
    mark: (...given: unknown[]) => asked.push(['mark', ...given]),
    record: (...given: unknown[]) => asked.push(['record', ...given]),
    stopRecording: () => asked.push(['stop']),
  };
  return {
    asked,
    commands: clipCommands({
      recorder: kept as unknown as Recorder,
      clips: { folder: '.' },
      privacy: 'none',
      send: async () => {},
    }),
  };
}

test('marks and recordings are asked for with seconds and a note; 0 seconds end a recording', () => {
  const { asked, commands } = recorder();
  commands.mark!({ note: 'here', seconds: 2 });
  commands.mark!({});
  expect(commands.record!({ seconds: 60 })).toEqual({ recording: true });
  commands.record!({ seconds: 0 });
  expect(asked).toEqual([['mark', 'here', 2], ['mark', null, 0], ['record', 60, null], ['stop']]);
});

test.each([[{ seconds: -1 }], [{ seconds: 'long' }], [{ seconds: 1e9 }], [{}], [{ seconds: 1, note: 7 }]])(
  'a recording with %j is refused, and nothing is recorded',
  (given) => {
    const { asked, commands } = recorder();
    expect(() => commands.record!(given as Record<string, unknown>)).toThrow(RangeError);
    expect(asked).toEqual([]);
  },
);
