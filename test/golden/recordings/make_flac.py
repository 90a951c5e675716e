# Makes four-channels.flac with libFLAC (through libsndfile): sample i of channel c is (i * 7919 + c * 12347) mod 65536 - 32768,
# halved in channel 3. The test computes the same numbers; pip install soundfile numpy to run it again.
import numpy as np
import soundfile

i, c = np.arange(10_007)[:, None], np.arange(4)[None, :]
samples = (i * 7919 + c * 12347) % 65536 - 32768
samples[:, 3] //= 2
soundfile.write("four-channels.flac", samples.astype(np.int16), 24_000, subtype="PCM_16")

# ends-in-silence.flac: one channel, sample i is that of channel 0 above for i < 4096, then 500 zeros, which make a last frame of 12 bytes.
mono = np.where(np.arange(4596) < 4096, (np.arange(4596) * 7919) % 65536 - 32768, 0)
soundfile.write("ends-in-silence.flac", mono.astype(np.int16), 24_000, subtype="PCM_16")
