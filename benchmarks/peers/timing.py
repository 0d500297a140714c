"""How an action on the GPU is captured in a graph, and timed."""

import sys

from common import torch


def note(text):
    print(f"pytorch_gpu: {text}", file=sys.stderr)


def warm_up(action, options):
    for _ in range(options.warm_up):
        action()


def event_times(action, options):
    """[ms, ...], one a call; None in a rehearsal."""
    warm_up(action, options)
    if options.rehearse:
        action()
        return None
    events = [torch.cuda.Event(enable_timing=True) for _ in range(options.repeats + 1)]
    torch.cuda.synchronize()
    events[0].record()
    for event in events[1:]:
        action()
        event.record()
    torch.cuda.synchronize()
    return [before.elapsed_time(after) for before, after in zip(events, events[1:])]


class Replay:
    """Replays a captured action, and keeps it.

    A graph knows addresses, not tensors: whatever the action read from outside (networks, inputs,
    what it compiled) has to live as long as the graph, or its memory becomes another's.
    """

    def __init__(self, graph, action):
        self.graph, self.action = graph, action

    def __call__(self):
        self.graph.replay()


def capture(action, options, name):
    """`action` as one CUDA graph; returns what replays it."""
    if options.rehearse:
        note(f"{name}: a rehearsal has no CUDA graph, it runs uncaptured")
        return action
    # Everything that allocates or tunes once has to happen before, on the stream of the capture.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        warm_up(action, options)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        action()
    return Replay(graph, action)
