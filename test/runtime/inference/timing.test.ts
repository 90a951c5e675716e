// How settings and a model's manifest become the length of a window, the hop and the look-ahead.
import { DEFAULT_INFERENCE } from '../../../runtime/config.ts';
import { liveTiming, recordingTiming } from '../../../runtime/inference/timing.ts';

const MODEL = { window: { frames: 300, hopFrames: 50, lookaheadFrames: 25 }, timePooling: 5 };
const settings = (more: object) => ({ ...DEFAULT_INFERENCE, ...more });

test('recordings are heard with the windows of the model', () => {
  expect(recordingTiming(MODEL)).toEqual({ ...MODEL.window, earlyFrames: null });
});

test('live sound is heard every 200 ms in windows of 2 s, with 300 ms of look-ahead, and sure onsets at once', () => {
  const live = { frames: 100, hopFrames: 10, lookaheadFrames: 15, earlyFrames: 0 };
  expect(liveTiming(MODEL, DEFAULT_INFERENCE)).toEqual(live);
});

test('settings win over the model; null leaves onsets to the look-ahead', () => {
  const all = settings({ windowFrames: 200, hopFrames: 20, lookaheadFrames: 30, earlyFrames: null });
  expect(liveTiming(MODEL, all)).toEqual({ frames: 200, hopFrames: 20, lookaheadFrames: 30, earlyFrames: null });
});

test('defaults fit models of other windows and poolings', () => {
  const short = { window: { frames: 48, hopFrames: 24, lookaheadFrames: 24 }, timePooling: 8 };
  expect(liveTiming(short, DEFAULT_INFERENCE)).toEqual({
    frames: 48,
    hopFrames: 16,
    lookaheadFrames: 15,
    earlyFrames: 0,
  });
});

test('settings that do not fit the model are refused with the rule', () => {
  expect(() => liveTiming(MODEL, settings({ hopFrames: 12 }))).toThrow(
    /inference.hopFrames=12 must be a multiple .* 5/,
  );
  expect(() => liveTiming(MODEL, settings({ windowFrames: 600 }))).toThrow(/at most the model's window, 300/);
  expect(() => liveTiming(MODEL, settings({ lookaheadFrames: 100 }))).toThrow(/must fit into the window of 100 frames/);
});
