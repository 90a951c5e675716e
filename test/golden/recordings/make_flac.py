# Makes four-channels.flac with libFLAC (through libsndfile): sample i of channel c is (i * 7919 + c * 12347) mod 65536 - 32768,
# halved in channel 3. The test computes the same numbers; pip install soundfile numpy to run it again.
import numpy as np
import soundfile

i, c = np.arange(10_007)[:, None], np.arange(4)[None, :]
samples = (i * 7919 + c * 12347) % 65536 - 32768
samples[:, 3] //= 2
soundfile.write("four-channels.flac", samples.astype(np.int16), 24_000, subtype="PCM_16")
