"""The features of a recording with librosa and numpy, single-threaded: the peer of test/bench/features.ts.

usage: python features_peer.py PRESET FORMAT SECONDS RUNS     (needs librosa 0.11)
prints {"seconds": [processor time of each run]} as JSON; the signal is noise, read from memory on both sides
"""
import os

os.environ.update({name: '1' for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMBA_NUM_THREADS')})

import json
import sys
import time

import librosa
import numpy as np

# sample rate, window, hop, FFT length, highest frequency: as in models/presets.ts
PRESETS = {'paper-48k': (48000, 1920, 960, 2048, 22500), 'edge-24k': (24000, 960, 480, 1024, 12000)}
MEL_BANDS = 64
PAIRS = [(m, n) for m in range(4) for n in range(m + 1, 4)]


def log_mel(X, mel):
    return [librosa.power_to_db((np.abs(x) ** 2).T @ mel.T, top_db=None) for x in X]


def intensity(X, mel):
    I = [np.real(np.conj(X[0]) * X[k]) for k in (3, 1, 2)]
    norm = np.sqrt(I[0] ** 2 + I[1] ** 2 + I[2] ** 2) + 1e-8
    return [(i / norm).T @ mel.T for i in I]


def gcc_phat(X):
    out = []
    for m, n in PAIRS:
        cc = np.fft.irfft(np.exp(1j * np.angle(np.conj(X[m].T) * X[n].T)))
        out.append(np.concatenate((cc[:, -MEL_BANDS // 2:], cc[:, :MEL_BANDS // 2]), -1))
    return out


def features(signal, preset, form, mel):
    _, window, hop, fft, _ = preset
    X = librosa.stft(signal, n_fft=fft, hop_length=hop, win_length=window, window='hann', pad_mode='constant')
    return np.array(log_mel(X, mel) + (intensity(X, mel) if form == 'foa' else gcc_phat(X)), np.float32)


def main(name, form, duration, runs):
    preset = PRESETS[name]
    rate, _, _, fft, top = preset
    mel = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=MEL_BANDS, fmin=0, fmax=top)
    signal = np.random.default_rng(1).uniform(-0.5, 0.5, (4, rate * int(duration))).astype(np.float32)
    features(signal[:, :rate], preset, form, mel)  # compiles and plans outside the measurement
    seconds = []
    for _ in range(int(runs)):
        start = time.process_time()
        features(signal, preset, form, mel)
        seconds.append(time.process_time() - start)
    print(json.dumps({'seconds': seconds}))


if __name__ == '__main__':
    main(*sys.argv[1:])
