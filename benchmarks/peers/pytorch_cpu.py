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
import json
import math
import pathlib
import platform
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

try:
    import torch
    import torch._dynamo
    from torch.nn import functional

    import torch_networks
except ImportError as error:
    print(f"pytorch_cpu: {error} (benchmarks/peers/setup_torch.sh)", file=sys.stderr)
    sys.exit(69)

VARIANTS = ("C0", "C1", "C2", "C3", "B1", "B3")
INFERENCE_BATCHES = (1, 64)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--nz", type=int, default=100)
    parser.add_argument("--ngf", type=int, default=64)
    parser.add_argument("--ndf", type=int, default=64)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--variants", default=",".join(VARIANTS), help="comma-separated; none: ''")
    parser.add_argument("--repeats", type=int, default=20, help="timed steps of each variant")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before, not timed")
    parser.add_argument("--images", type=int, default=512, help="real images held in memory")
    parser.add_argument("--no-inference", action="store_true", help="the steps alone")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    options.variants = [name for name in options.variants.split(",") if name]
    unknown = set(options.variants) - set(VARIANTS)
    if unknown:
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    if options.repeats < 1 or options.images < options.batch:
        parser.error("--repeats must be at least 1, and --images at least --batch")
    return options


def is_bf16(variant):
    return variant.startswith("B")


def is_compiled(variant):
    return variant.endswith("3")


def make_networks(options, channels_last, compiled):
    family = "libtorch" if options.image_size == 28 else "pytorch"
    torch.manual_seed(0)
    networks = torch_networks.build(family, options.image_size, options.channels, options.nz,
                                    options.ngf, options.ndf)
    for network in networks:
        network.apply(torch_networks.init_weights)
        if channels_last:
            network.to(memory_format=torch.channels_last)
    if compiled:
        # dynamic=False: shapes never change here, and code for a fixed shape is the faster.
        networks = tuple(torch.compile(network, dynamic=False) for network in networks)
    return networks


class Step:
    """One variant: networks, optimisers, and what a step does."""

    def __init__(self, variant, options, images):
        self.variant, self.options, self.images = variant, options, images
        self.shipped = variant == "C0"
        self.generator, self.discriminator = make_networks(options, not self.shipped,
                                                           is_compiled(variant))
        adam = {} if self.shipped else {"fused": True}
        self.adam_g, self.adam_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), **adam)
            for network in (self.generator, self.discriminator))
        self.ones = torch.ones(options.batch)
        self.zeros = torch.zeros(options.batch)
        self.next_image = 0
        self.losses = None

    def real_batch(self):
        batch = self.options.batch
        if self.next_image + batch > len(self.images):
            self.next_image = 0
        pixels = self.images[self.next_image:self.next_image + batch]
        self.next_image += batch
        real = pixels.float().div_(255).sub_(0.5).div_(0.5)
        return real if self.shipped else real.to(memory_format=torch.channels_last)

    def noise(self):
        return torch.randn(self.options.batch, self.options.nz, 1, 1)

    def run(self):
        if self.shipped:
            self.run_as_shipped()
        else:
            with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16(self.variant)):
                self.run_tuned()

    def run_as_shipped(self):
        def says(x):
            return torch.sigmoid(self.discriminator(x))
        self.discriminator.zero_grad()
        on_real = says(self.real_batch())
        err_real = functional.binary_cross_entropy(on_real, self.ones)
        err_real.backward()
        on_real.mean().item()
        fake = self.generator(self.noise())
        on_fake = says(fake.detach())
        err_fake = functional.binary_cross_entropy(on_fake, self.zeros)
        err_fake.backward()
        on_fake.mean().item()
        self.adam_d.step()
        self.generator.zero_grad()
        on_fake = says(fake)
        err_g = functional.binary_cross_entropy(on_fake, self.ones)
        err_g.backward()
        on_fake.mean().item()
        self.adam_g.step()
        self.losses = (err_real.item() + err_fake.item(), err_g.item())

    def run_tuned(self):
        bce = functional.binary_cross_entropy_with_logits
        self.adam_d.zero_grad(set_to_none=True)
        err_real = bce(self.discriminator(self.real_batch()).float(), self.ones)
        err_real.backward()
        fake = self.generator(self.noise())
        err_fake = bce(self.discriminator(fake.detach()).float(), self.zeros)
        err_fake.backward()
        self.adam_d.step()
        self.adam_g.zero_grad(set_to_none=True)
        frozen = self.variant != "C1"
        if frozen:
            self.discriminator.requires_grad_(False)
        err_g = bce(self.discriminator(fake).float(), self.ones)
        err_g.backward()
        if frozen:
            self.discriminator.requires_grad_(True)
        self.adam_g.step()
        self.losses = (err_real.detach() + err_fake.detach(), err_g.detach())


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


def percentile(values, share):
    """Linear between the two nearest ranks."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def result(task, name, dtype, batch, times):
    median = percentile(times, 0.5)
    return {"task": task, "name": name, "dtype": dtype, "batch": batch, "samples": len(times),
            "median_ms": median, "p10_ms": percentile(times, 0.1), "p90_ms": percentile(times, 0.9),
            "images_per_s": batch / median * 1e3}


def time_steps(options):
    images = torch.randint(0, 256, (options.images, options.channels, options.image_size,
                                    options.image_size), dtype=torch.uint8)
    steps = {variant: Step(variant, options, images) for variant in options.variants}
    times = take_turns({name: step.run for name, step in steps.items()}, options.warm_up,
                       options.repeats)
    for name, step in steps.items():
        if not all(math.isfinite(float(loss)) for loss in step.losses):
            raise ArithmeticError(f"{name}: losses {step.losses} are not finite")
    return [result("train", name, "bf16" if is_bf16(name) else "f32", options.batch, times[name])
            for name in steps]


def generate_action(generator, noise, bf16):
    def action():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            generator(noise)
    return action


def time_inference(options):
    compiled = any(is_compiled(variant) for variant in options.variants)
    actions, rows = {}, []
    for batch in INFERENCE_BATCHES:
        noise = torch.randn(batch, options.nz, 1, 1)
        for dtype in ("f32", "bf16"):
            for way in ("eager", "compiled")[:1 + compiled]:
                generator = make_networks(options, True, way == "compiled")[0].eval()
                actions[way, dtype, batch] = generate_action(generator, noise, dtype == "bf16")
    times = take_turns(actions, options.warm_up, options.repeats)
    for (way, dtype, batch), values in times.items():
        rows.append(result("generate", way, dtype, batch, values))
    return rows


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = (line.split(":", 1)[1] for line in lines if line.startswith("model name"))
        return next(names).strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    # Several variants share the networks' code: past the default of 8 versions PyTorch would run
    # the rest uncompiled and the figures would not be what their names say.
    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    rows = time_steps(options) if options.variants else []
    if not options.no_inference:
        rows += time_inference(options)
    report = {"program": "pytorch", "version": torch.__version__, "processor": processor(),
              "threads": options.threads, "image_size": options.image_size,
              "channels": options.channels, "results": rows}
    if options.json:
        print(json.dumps(report))
        return 0
    print(f"PyTorch {report['version']}, {report['threads']} threads, {report['processor']}")
    for row in rows:
        print(f"{row['task']:9} {row['name']:9} {row['dtype']:5} batch {row['batch']:4}  "
              f"{row['median_ms']:9.2f} ms (p10 {row['p10_ms']:.2f}, p90 {row['p90_ms']:.2f})  "
              f"{row['images_per_s']:8.1f} images/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
