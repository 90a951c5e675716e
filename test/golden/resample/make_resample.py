"""Resampled values of a formula signal by scipy's own filter design and polyphase filter.

usage: python make_resample.py      (numpy, scipy; rewrites golden_resample.json beside it)
"""
import json
from math import gcd

import numpy as np
from scipy.signal import firwin, resample_poly

HALF_WIDTH, CUTOFF, STOPBAND_DB = 66, 0.95, 100
SECONDS = 0.25


def signal(rate):
    """Three tones, float64; the third lies beyond the passband of a conversion to 24 kHz."""
    t = np.arange(int(SECONDS * rate)) / rate
    return 0.4 * np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * 5000 * t + 1) + 0.2 * np.sin(2 * np.pi * 13000 * t + 2)


cases = []
for rate_in, rate_out in ((44100, 48000), (48000, 24000), (44100, 24000), (96000, 48000), (32000, 48000), (16000, 24000)):
    g = gcd(rate_in, rate_out)
    up, down = rate_out // g, rate_in // g
    m = max(up, down)
    taps = firwin(2 * HALF_WIDTH * m + 1, CUTOFF / m, window=('kaiser', 0.1102 * (STOPBAND_DB - 8.7)))
    y = resample_poly(signal(rate_in), up, down, window=taps)
    picks = sorted(set(range(0, 40)) | set(range(40, len(y) - 40, 97)) | set(range(len(y) - 40, len(y))))
    cases.append({'inputRate': rate_in, 'outputRate': rate_out, 'length': len(y), 'values': [[k, round(float(y[k]), 9)] for k in picks]})

with open('golden_resample.json', 'w') as f:
    json.dump({'seconds': SECONDS, 'cases': cases}, f)
    f.write('\n')
