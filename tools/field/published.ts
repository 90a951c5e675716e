// Results of others that stand beside ours, each with its source. F1 and FR in 0..1, DE in degrees.

export interface Published {
  readonly system: string;
  readonly format: string;
  readonly ER: number;
  readonly F1: number;
  readonly DE: number;
  readonly FR: number;
  readonly source: string;
}

const LAN = 'Lan et al., EURASIP J. Audio Speech Music Process. 2022:29';
const CAO =
  'Cao et al. 2019, appendixes/figures/metrics_scores.png of yinkalario/Two-Stage-Polyphonic-Sound-Event-Detection-and-Localization';

const published = (
  system: string,
  format: string,
  [ER, F1, DE, FR]: readonly [number, number, number, number],
  source: string,
): Published => ({ system, format, ER, F1, DE, FR, source });

/** All on the development set over its four folds. */
export const PUBLISHED: readonly Published[] = [
  published('M-CRNN', 'foa', [0.25, 0.85, 27.9, 0.866], LAN),
  published('M-CRNN', 'mic', [0.29, 0.834, 30.6, 0.854], LAN),
  published('Res-scSE-CRNN, ratio 4', 'foa', [0.21, 0.884, 5.1, 0.896], LAN),
  published('Res-scSE-CRNN, ratio 4', 'mic', [0.23, 0.884, 5.6, 0.886], LAN),
  published('DCASE 2019 baseline (SELDnet)', 'foa', [0.34, 0.799, 28.5, 0.854], 'sharathadavanne/seld-dcase2019'),
  published('DCASE 2019 baseline (SELDnet)', 'mic', [0.35, 0.8, 30.8, 0.84], 'sharathadavanne/seld-dcase2019'),
  published('SELDnet CNN', 'foa', [0.281, 0.843, 10.9, 0.828], CAO),
  published('SELDnet CNN', 'mic', [0.277, 0.844, 11, 0.827], CAO),
  published('SELDnet CRNN', 'foa', [0.221, 0.876, 12.6, 0.844], CAO),
  published('SELDnet CRNN', 'mic', [0.213, 0.879, 11.3, 0.847], CAO),
  published('Two-stage CRNN', 'foa', [0.181, 0.898, 9.84, 0.857], CAO),
  published('Two-stage CRNN', 'mic', [0.167, 0.909, 9.85, 0.863], CAO),
  published(
    'Two-stage ensemble',
    'foa+mic',
    [0.13, 0.93, 6.61, 0.894],
    'Cao et al., DCASE 2019 challenge report, Table 1',
  ),
  published('CNN9, log-mel', 'foa', [0.342, 0.792, 41.1, 0.759], 'qiuqiangkong/dcase2019_task3'),
];

/** What the paper says of its other tables, which are not all public. */
export const PAPER_NOTES: Readonly<Record<string, string>> = {
  'Tables 3 and 6': `${LAN}: M-CRNN and Res-scSE-CRNN as listed under "Results of others"; its rows for CNN and CRNN are not public.`,
  'Table 4': `${LAN}, against no attention: sSE ER -0.03, F1 +5.7, DE -5.9°, FR +3.7; cSE ER -0.04, F1 +5.6, DE -6.0°, FR +3.6; scSE best in all four.`,
  'Table 5': `${LAN}: ratio 4 best in ER (0.21) and F1 (88.4 %); ratio 16 best in DE (4.7°); ratio 1 best in FR (90.1 %).`,
};
