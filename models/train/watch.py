# Tells people how far a run is.
import json
import signal
import sys

from dataset import FRAMES_PER_SECOND


ESTIMATE_SECONDS = 120  # after which a run whose output nobody sees live says how long it will take


class Watch:
    """Tells people how far a run is, and hears Ctrl-C."""

    def __init__(self, as_json=False):
        self.json, self.stopped, self.estimated = as_json, False, False

    def listen(self):
        signal.signal(signal.SIGINT, self.stop)
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.stopped = True

    def say(self, text):
        if not self.json:
            print(text, flush=True)

    def show(self, run, step, steps, seconds):
        if self.json:
            return
        speed = step * run.settings["batch"] * run.settings["window"] / FRAMES_PER_SECOND / seconds
        if not sys.stdout.isatty():
            if not self.estimated and seconds >= ESTIMATE_SECONDS:
                self.estimated = True
                print(f"{speed:.0f} x real time, about {left(run, step / steps, seconds)} left", flush=True)
            return
        print(f"\repoch {run.epoch + 1}: {step}/{steps} steps, {speed:.0f} x real time, {left(run, step / steps, seconds)} left ", end="", flush=True)

    def epoch(self, record):
        if self.json:
            print(json.dumps(record), flush=True)
            return
        de = "-" if record["DE"] is None else f"{record['DE']:.1f}"
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        print(
            f"{clear}epoch {record['epoch']}: loss {record['loss']:.4f}, ER {record['ER']:.3f}, F1 {record['F1']:.3f}, DE {de}, FR {record['FR']:.3f}, "
            f"SELD {record['SELD']:.4f}{' (best)' if record['best'] else ''}, {record['speed']:.0f} x real time, {record['left']} left",
            flush=True,
        )


def left(run, share_of_epoch, seconds_in_epoch):
    """Time to the end of the run, in words."""
    progress = run.progress(share_of_epoch, seconds_in_epoch)
    seconds = (run.seconds + seconds_in_epoch) * max(0, 1 - progress) / max(progress, 1e-6)
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
