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
    P3   P2 with both networks under torch.compile but for G's first and D's last convolution,
         max_autotune, convolutions by cuDNN
    P4   P2 captured whole in one CUDA graph, Adam capturable
    P5   P3 captured whole
    P5t  P5 under mode="max-autotune-no-cudagraphs" as it is: it also tries Triton convolutions and
         descends through the coordinates of every kernel, which takes minutes
Every variant runs in a process of its own. Images lie on the device, normalised and in the number
type of the convolutions (a favour to PyTorch: that is less to do); noise is drawn inside the step;
the losses are read once, after the last. Times are between CUDA events after each step.
28 pixels: the libtorch tutorial's networks. Also timed: the generator in eval mode under
inference_mode, batch 1 and 64 (--inference-batches), eager, compiled, and each captured in a CUDA
graph; float32 without and with TF32, and weights in bfloat16.

--serve sets the variants up once, in this process, and times them whenever standard input names one
(serve.py has the protocol). Variants that differ only in the capture share their networks. Several
such processes can be set up at the same time: with --lock, those that have the same file use the
GPU one at a time. Compiling is the CPU's work and waits for nobody: another process
(--compile-only) does it first and leaves it in the compiler's cache.

--rehearse runs the same code on the CPU, without streams and graphs, and measures nothing: it shows
that the code runs, on a machine that has no GPU.
"""

import argparse
import json
import subprocess
import sys

import common
import figures
import serve
from common import torch
from gpu_setups import (GENERATORS, NUMBERS, SETUPS, compile_all, how_compiled, set_ups,
                        time_one_by_one)
from timing import note


def chosen(parser, what, text, known):
    names = [name for name in text.split(",") if name]
    unknown = set(names) - set(known)
    if unknown:
        parser.error(f"no {what} {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return names


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, SETUPS, repeats=100, warm_up=20)
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, measuring nothing")
    parser.add_argument("--ways", default=",".join(GENERATORS),
                        help="of the generator alone, comma-separated (default: %(default)s)")
    parser.add_argument("--dtypes", default=",".join(NUMBERS),
                        help="of the generator alone, comma-separated (default: %(default)s)")
    parser.add_argument("--inference-batches", help="of the generator alone, comma-separated",
                        default=",".join(map(str, common.INFERENCE_BATCHES)))
    parser.add_argument("--serve", action="store_true", help="set up once, time when asked")
    parser.add_argument("--lock", help="with --serve: file of those that take turns on the GPU")
    parser.add_argument("--compile-only", action="store_true",
                        help="fill the compiler's cache, time nothing")
    options = common.parse(parser, SETUPS)
    options.ways = chosen(parser, "way", options.ways, GENERATORS)
    options.dtypes = chosen(parser, "type", options.dtypes, NUMBERS)
    options.inference_batches = [int(word) for word in options.inference_batches.split(",")]
    if options.rehearse:
        options.warm_up = options.repeats = 1
    elif not torch.cuda.is_available():
        parser.error("PyTorch finds no usable GPU here (--rehearse runs the code on the CPU)")
    options.device = "cpu" if options.rehearse else "cuda"
    return options


def in_a_process_of_its_own(*arguments):
    """The rows of this program, called again with other arguments."""
    command = [sys.executable, __file__, *sys.argv[1:], *arguments, "--json"]  # the last one wins
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} left with {done.returncode}")
    return json.loads(done.stdout)["results"]


def measure(options):
    if not options.variants or len(options.variants) == 1 and options.no_inference:
        return time_one_by_one(options)
    rows = []
    for name in options.variants:
        rows += in_a_process_of_its_own("--variants", name, "--no-inference")
    return rows + ([] if options.no_inference else in_a_process_of_its_own("--variants", ""))


def describe(options):
    """What every report begins with."""
    # As PyTorch has them by itself; P0 keeps them.
    flags = {"cudnn": torch.backends.cudnn.allow_tf32,
             "matmul": torch.backends.cuda.matmul.allow_tf32}
    return {"program": "pytorch", "version": torch.__version__, "processor": figures.processor(),
            "device": "cpu" if options.rehearse else torch.cuda.get_device_name(),
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
            "default_tf32_flags": flags, "rehearsal": options.rehearse,
            "compiled": how_compiled(options),
            "image_size": options.image_size, "channels": options.channels}


def compile_beside(options):
    """Another process compiles, and leaves it in the cache. PyTorch keeps the first plan that a
    process has for a convolution: a first step without a search would keep poor ones here."""
    if not how_compiled(options):
        return
    done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--compile-only"], check=False,
                          stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode != 0:
        note(f"--compile-only left with {done.returncode}: compiling here")


def serve_requests(options):
    channel = serve.answers_alone()
    compile_beside(options)
    listed, workplace = set_ups(options)
    return serve.serve(listed, lambda: describe(options) | workplace.describe(), channel)


def main():
    options = parse_options()
    if options.compile_only:
        return compile_all(options)
    if options.serve:
        return serve_requests(options)
    report = describe(options)
    try:
        report["results"] = measure(options)
    except (RuntimeError, ArithmeticError) as error:
        note(error)
        return 1
    figures.print_report(report, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
