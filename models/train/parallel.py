# One training step over all cores: each worker thread takes its part of the batch with a copy of the network of its own.
# Threads then wait for each other once per step. Threads inside every operation wait hundreds of times: on a machine
# with two cores and other work on them a step took 14.7 s so, 2.1 s on one thread, and half of that with two workers.
import copy
import os
from concurrent.futures import ThreadPoolExecutor

import torch

SMALLEST_PART = 8  # windows per worker: batch normalisation wants some


class Workers:
    def __init__(self, network, device, batch, threads):
        """threads: CPU threads in all, 0 for all cores. On other devices there is one worker."""
        cores = threads or os.cpu_count()
        self.count = min(cores, max(1, batch // SMALLEST_PART)) if device.type == "cpu" else 1
        while batch % self.count:
            self.count -= 1
        self.part = batch // self.count
        self.network = network
        self.copies = [network, *(copy.deepcopy(network) for _ in range(self.count - 1))]
        self.pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(max(1, cores // self.count),))

    def map(self, function, *arguments):
        """[function(a, b...)] in the worker threads; the first error is raised when all have ended."""
        futures = [self.pool.submit(function, *values) for values in zip(*arguments)]
        return [future.result() for future in futures]

    def compile(self, losses):
        """Compiles the convolutions of each copy, in its worker's thread and one after the other; weights stay as they are.

        losses: as for gradients. What runs once here also runs the slow first time of each kernel.
        """
        for worker, network in enumerate(self.copies):
            before = {name: value.clone() for name, value in network.state_dict().items()}
            network.stages.compile()

            def warm_up(worker=worker, network=network):
                losses(worker, network).backward()
                network.zero_grad(set_to_none=True)

            self.pool.submit(warm_up).result()
            network.load_state_dict(before)

    def share_weights(self):
        """Gives all copies the network's weights."""
        with torch.no_grad():
            for other in self.copies[1:]:
                for weight, value in zip(other.parameters(), self.network.parameters()):
                    weight.copy_(value)

    def gradients(self, losses):
        """Runs losses(worker, network) -> scalar and its backward pass in each worker.

        Leaves the mean gradient in the network and returns the mean loss. Batch statistics are those of the first worker.
        """

        def work(worker, network):
            network.zero_grad(set_to_none=True)
            value = losses(worker, network)
            value.backward()
            return value.item()

        values = self.map(work, range(self.count), self.copies)
        with torch.no_grad():
            for gradients in zip(*([p.grad for p in network.parameters()] for network in self.copies)):
                for other in gradients[1:]:
                    gradients[0].add_(other)
                gradients[0].div_(self.count)
        return sum(values) / self.count
