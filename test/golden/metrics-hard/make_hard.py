"""Random scenes that are hard to score, with the scores that ../metrics/metric2019.py and ../metrics/joint.py give them.

usage: python make_hard.py      (numpy, scipy; rewrites hard.json beside it)

Up to four tracks at once, same-class overlaps, angles off the grid and beyond the clip, back-to-back events, ties
(directions on a coarse grid), events that reach the end of the minute, classes that never occur, empty scenes.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'metrics'))
import joint  # noqa: E402
import metric2019  # noqa: E402
import numpy as np  # noqa: E402

rng = np.random.default_rng(2019)


def angle(low, high, step):
    return int(rng.integers(low // step, high // step + 1)) * step


def scene(tracks, step, classes):
    events = []
    for _ in range(tracks):
        t = float(rng.uniform(0, 2))
        while t < 59.5:
            end = round(min(60.0, t + float(rng.uniform(.1, 4))), 3)
            events.append([int(rng.choice(classes)), round(t, 3), end, angle(-60, 60, step), angle(-180, 180, step)])
            t = end + float(rng.choice([0, rng.uniform(0, 2)]))
    return events


def disturb(events, step):
    out = []
    for c, s, e, ele, azi in events:
        if rng.random() < .15:
            continue
        c = c if rng.random() < .9 else int(rng.integers(11))
        s = round(max(0, s + float(rng.normal(0, .1))), 3)
        e = round(max(s + .1, e + float(rng.normal(0, .1))), 3)
        azi = (azi + angle(-20, 20, step) + 180) % 360 - 180
        out.append([c, s, e, int(np.clip(ele + angle(-10, 10, step), -90, 90)), azi])
    return out


cases = []
for tracks, step, classes in ((1, 1, range(11)), (2, 1, range(11)), (3, 1, range(4)), (4, 10, range(2)), (4, 90, [5]), (2, 30, range(3))):
    ref = scene(tracks, step, list(classes))
    cases.append((ref, disturb(ref, step)))
# Two references and one prediction of a class in one second, but never in the same frame.
cases.append(([[3, 1.0, 1.3, 0, 0], [3, 1.0, 1.3, 0, 90]], [[3, 1.6, 1.9, 0, 0]]))
cases += [([], scene(1, 10, [0, 1])), (scene(1, 10, [0, 1]), []), ([], [])]

out = []
for ref, pred in cases:
    a, b = metric2019.score([tuple(x) for x in ref], [tuple(x) for x in pred])
    micro, macro = joint.score([tuple(x) for x in ref], [tuple(x) for x in pred])
    out.append({'reference': ref, 'prediction': pred, '2019_class': a, '2019_regr': b, 'joint_micro': micro, 'joint_macro': macro})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hard.json'), 'w') as f:
    json.dump({'columns': ['class', 'start', 'end', 'elevation', 'azimuth'], 'cases': out}, f)
    f.write('\n')
