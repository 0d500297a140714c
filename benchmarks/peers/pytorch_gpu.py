#!/usr/bin/env python3
"""Times PyTorch's adversarial step and generator on a GPU: what this engine is measured against.

    build/torch/bin/python benchmarks/peers/pytorch_gpu.py --image-size 64 --batch 128 --json
    build/torch/bin/python benchmarks/peers/pytorch_gpu.py --rehearse --variants P1,P4

Variants of the step (each a set-up that a user could choose; only the best is worth beating):
    P0   pytorch/examples dcgan/main.py as shipped, float32 with PyTorch's default TF32 flags, which
         the report states (its dtype is tf32 where they let convolutions use TF32)
    P1   bfloat16 autocast, channels_last, cudnn.benchmark trying every algorithm, BCE on logits,
         Adam(fused=True), gradients set to None, nothing read back
    P1h  P1 in float16 with a GradScaler
    P2   P1 without weight gradients of D in G's step
    P3   P2 with both networks under torch.compile(mode="max-autotune-no-cudagraphs")
    P4   P2 captured whole in one CUDA graph, Adam capturable
    P5   P3 captured whole
Every variant runs in a process of its own. Images lie on the device, normalised and in the number
type of the convolutions (a favour to PyTorch: that is less to do); noise is drawn inside the step;
the losses are read once, after the last. Times are between CUDA events after each step.
28 pixels: the libtorch tutorial's networks. Also timed: the generator in eval mode under
inference_mode, batch 1 and 64, eager, compiled, and each captured in a CUDA graph; float32 without
and with TF32, and weights in bfloat16.

--rehearse runs the same code on the CPU, without streams and graphs, and measures nothing: it shows
that the code runs, on a machine that has no GPU.
"""

import argparse
import json
import subprocess
import sys

import common
import figures
from common import Setup, torch

COMPILE_MODE = "max-autotune-no-cudagraphs"
COMPILED = {"compiled": True, "compile_mode": COMPILE_MODE}
TUNED = {"autocast": torch.bfloat16, "frozen": True}
SETUPS = {
    "P0": Setup(shipped=True),
    "P1": Setup(autocast=torch.bfloat16),
    "P1h": Setup(autocast=torch.float16),
    "P2": Setup(**TUNED),
    "P3": Setup(**TUNED, **COMPILED),
    "P4": Setup(**TUNED, captured=True),
    "P5": Setup(**TUNED, **COMPILED, captured=True),
}
GENERATORS = {
    "eager": Setup(),
    "compiled": Setup(**COMPILED),
    "graph": Setup(captured=True),
    "compiled graph": Setup(**COMPILED, captured=True),
}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, SETUPS, repeats=100, warm_up=20)
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, measuring nothing")
    parser.add_argument("--ways", default=",".join(GENERATORS),
                        help="of the generator alone, comma-separated (default: %(default)s)")
    options = common.parse(parser, SETUPS)
    options.ways = [name for name in options.ways.split(",") if name]
    unknown = set(options.ways) - set(GENERATORS)
    if unknown:
        parser.error(f"no way {', '.join(sorted(unknown))}; there are {', '.join(GENERATORS)}")
    if options.rehearse:
        options.warm_up = options.repeats = 1
    elif not torch.cuda.is_available():
        parser.error("PyTorch finds no usable GPU here (--rehearse runs the code on the CPU)")
    options.device = "cpu" if options.rehearse else "cuda"
    return options


def note(text):
    print(f"pytorch_gpu: {text}", file=sys.stderr)


def event_times(action, options):
    """[ms, ...], one a call; None in a rehearsal."""
    for _ in range(options.warm_up):
        action()
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


def capture(action, options, name):
    """`action` as one CUDA graph; returns what replays it."""
    if options.rehearse:
        note(f"{name}: a rehearsal has no CUDA graph, it runs uncaptured")
        return action
    # Everything that allocates or tunes once has to happen before, on the stream of the capture.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(options.warm_up):
            action()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        action()
    return graph.replay


def ready_images(options, setup):
    """Real images on the device, as the step's first convolution takes them."""
    images = torch.randint(0, 256, (options.images, options.channels, options.image_size,
                                    options.image_size), dtype=torch.uint8, device=options.device)
    images = images.float().div_(255).sub_(0.5).div_(0.5)
    if setup.shipped:
        return images
    return images.to(setup.autocast, memory_format=torch.channels_last)


def step_action(step, options, name):
    if not step.setup.captured:
        return step.run
    static = step.batches.take().clone(memory_format=torch.preserve_format)
    replay = capture(lambda: step.learn(static), options, name)

    def action():
        static.copy_(step.batches.take())
        replay()
    return action


def tune_backend():
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 0  # no limit: every algorithm is tried


def time_step(name, options):
    setup = SETUPS[name]
    if not setup.shipped:
        tune_backend()
    batches = common.Batches(ready_images(options, setup), options.batch, prepare=lambda x: x)
    step = common.Step(setup, options, batches, options.device)
    times = event_times(step_action(step, options, name), options)
    common.require_finite(name, step.losses)
    dtype = common.DTYPE_NAMES[setup.autocast]
    if setup.shipped and torch.backends.cudnn.allow_tf32:
        dtype = "tf32"
    row = figures.result("train", name, dtype, options.batch, times)
    if not options.rehearse:
        row["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    return row


def time_generator(way, dtype, batch, options):
    setup = GENERATORS[way]
    # f32 means float32 everywhere; tf32 what PyTorch's users get by setting two flags.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    number = torch.bfloat16 if dtype == "bf16" else torch.float32
    generator = common.make_networks(options, setup, options.device)[0].eval().to(number)
    z = torch.randn(batch, options.nz, 1, 1, device=options.device).to(number)

    def generate():
        with torch.inference_mode():
            generator(z)
    name = f"generator {way} {dtype} batch {batch}"
    action = capture(generate, options, name) if setup.captured else generate
    return figures.result("generate", way, dtype, batch, event_times(action, options))


def time_generators(options):
    tune_backend()
    return [time_generator(way, dtype, batch, options) for batch in common.INFERENCE_BATCHES
            for dtype in ("f32", "tf32", "bf16") for way in options.ways]


def in_a_process_of_its_own(*arguments):
    """The rows of this program, called again with other arguments."""
    command = [sys.executable, __file__, *sys.argv[1:], *arguments, "--json"]  # the last one wins
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} left with {done.returncode}")
    return json.loads(done.stdout)["results"]


def measure(options):
    if not options.variants:
        return [] if options.no_inference else time_generators(options)
    if len(options.variants) == 1 and options.no_inference:
        return [time_step(options.variants[0], options)]
    rows = []
    for name in options.variants:
        rows += in_a_process_of_its_own("--variants", name, "--no-inference")
    return rows + ([] if options.no_inference else in_a_process_of_its_own("--variants", ""))


def main():
    options = parse_options()
    # As PyTorch has them by itself; P0 keeps them.
    flags = {"cudnn": torch.backends.cudnn.allow_tf32,
             "matmul": torch.backends.cuda.matmul.allow_tf32}
    report = {"program": "pytorch", "version": torch.__version__, "processor": figures.processor(),
              "device": "cpu" if options.rehearse else torch.cuda.get_device_name(),
              "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
              "default_tf32_flags": flags, "rehearsal": options.rehearse,
              "image_size": options.image_size, "channels": options.channels}
    try:
        report["results"] = measure(options)
    except (RuntimeError, ArithmeticError) as error:
        note(error)
        return 1
    figures.print_report(report, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
