#!/usr/bin/env python3
"""Times PyTorch's adversarial step and generator on the CPU: what this engine is measured against.

    build/torch/bin/python benchmarks/peers/pytorch_cpu.py --image-size 64 --threads 2 --json

Variants of the step (each a set-up that a user could choose; only the best is worth beating):
    C0  pytorch/examples dcgan/main.py as shipped, float32, with its .item() calls
    C1  channels_last, BCE on logits, Adam(fused=True), nothing read back
    C2  C1 without weight gradients of D in G's step
    C3  C2 with both networks under torch.compile
    B1  C2 under bfloat16 autocast
    B3  C3 under bfloat16 autocast
A step is everything: uint8 images, already in memory, are normalised and noise is drawn inside it.
Variants take turns step by step, so that a busy neighbour hurts all alike. 28 pixels: the libtorch
tutorial's networks. Also timed: the generator in eval mode under inference_mode, batch 1 and 64
(compiled too when C3 or B3 is among the variants).
"""

import argparse
import sys
import time

import common
import figures
from common import Setup, torch

SETUPS = {
    "C0": Setup(shipped=True),
    "C1": Setup(),
    "C2": Setup(frozen=True),
    "C3": Setup(frozen=True, compiled=True),
    "B1": Setup(frozen=True, autocast=torch.bfloat16),
    "B3": Setup(frozen=True, autocast=torch.bfloat16, compiled=True),
}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, SETUPS, repeats=20, warm_up=3)
    return common.parse(parser, SETUPS)


def elapsed_ms(function):
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1e3


def take_turns(actions, warm_up, repeats):
    """{name: [ms, ...]}: every action once a round."""
    for action in actions.values():
        for _ in range(warm_up):
            action()
    times = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            times[name].append(elapsed_ms(action))
    return times


def normalised(setup):
    """What a step does to the pixels (N, C, H, W), uint8."""
    layout = torch.contiguous_format if setup.shipped else torch.channels_last

    def prepare(pixels):
        real = pixels.float().div_(255).sub_(0.5).div_(0.5)
        return real.to(memory_format=layout)
    return prepare


def time_steps(options):
    images = torch.randint(0, 256, (options.images, options.channels, options.image_size,
                                    options.image_size), dtype=torch.uint8)
    steps = {}
    for name in options.variants:
        setup = SETUPS[name]
        batches = common.Batches(images, options.batch, normalised(setup))
        steps[name] = common.Step(setup, options, batches)
    times = take_turns({name: step.run for name, step in steps.items()}, options.warm_up,
                       options.repeats)
    for name, step in steps.items():
        common.require_finite(name, step.losses)
    return [figures.result("train", name, common.DTYPE_NAMES[step.setup.autocast], options.batch,
                           times[name]) for name, step in steps.items()]


def generate_action(generator, noise, bf16):
    def action():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            generator(noise)
    return action


def time_inference(options):
    compiled = any(SETUPS[name].compiled for name in options.variants)
    actions = {}
    for batch in common.INFERENCE_BATCHES:
        noise = torch.randn(batch, options.nz, 1, 1)
        for dtype in ("f32", "bf16"):
            for way in ("eager", "compiled")[:1 + compiled]:
                generator = common.make_networks(options, Setup(compiled=way == "compiled"))[0]
                actions[way, dtype, batch] = generate_action(generator.eval(), noise,
                                                             dtype == "bf16")
    times = take_turns(actions, options.warm_up, options.repeats)
    return [figures.result("generate", way, dtype, batch, values)
            for (way, dtype, batch), values in times.items()]


def main():
    options = parse_options()
    try:
        rows = time_steps(options) if options.variants else []
        if not options.no_inference:
            rows += time_inference(options)
    except ArithmeticError as error:
        print(f"pytorch_cpu: {error}", file=sys.stderr)
        return 1
    report = {"program": "pytorch", "version": torch.__version__, "processor": figures.processor(),
              "threads": options.threads, "image_size": options.image_size,
              "channels": options.channels, "results": rows}
    figures.print_report(report, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
