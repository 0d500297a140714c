#!/usr/bin/env python3
"""Records a short training run of PyTorch, tensor by tensor, for `dcgan verify` to reproduce.

    scripts/record_trace.py --preset mnist32 --loss hinge --out hinge.safetensors
    scripts/record_trace.py --preset libtorch --beta2 0.5 --soft-real-labels 0.8 --out m.safetensors
    scripts/record_trace.py --trajectory --preset mnist32 --nz 16 --ngf 8 --ndf 8 --out t.safetensors
    scripts/record_trace.py --replay t.safetensors          # the same run again: do they agree?

Options have the names and meanings of `dcgan train`. The file (safetensors, PyTorch's layouts):
    init.{G,D}.NAME           state_dicts at the start
    real [K,B,C,H,W], noise [K,B,nz,1,1], real_labels [K,B]   batch u - 1 feeds the u-th update of D
and for each update u of D, with the generator's behind the last of a step,
    stateU.{G,D}.NAME         state_dicts before it, and behind the last one
    momentsU.{G,D}.NAME.exp_avg  likewise, and exp_avg_sq; or square_avg
    gradU.{G,D}.NAME          gradients
    twinU.{G,D}.NAME          gradients of float64 from the same state, and running statistics
    kinksU.{G,D}.NAME [1]     what ReLUs that a rounding decides change in that gradient, of its norm
    scalars.NAME [N], twin.scalars.NAME [N]   errD_real, errD_fake, errD, errG, D_x, D_G_z1, D_G_z2
With --trajectory, instead, what one run in one type came to (small networks only: rounding grows from
step to step):
    grad1.{G,D}.NAME          gradients at the first update of each network
    step1.*, stepN.*          state_dicts after the first and the last step
    adamN.{G,D}.NAME.exp_avg  and exp_avg_sq; or rmspropN....square_avg
    evalN.*                   noise, fake_eval, fake_train, D_eval_of_real0
    scalars.NAME [N]
and with --double everything from grad1 on is computed and stored in float64 from float32 inputs.
Exit: 0 recorded, or the replay agrees; 1 the replay differs; 2 usage; 69 PyTorch is not here.
"""

import argparse
import json
import pathlib
import re
import sys

try:
    import numpy
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    import torch_networks
    from torch_training import LOSSES, Settings, record_training
    from torch_updates import record_updates
except ImportError as error:
    print(f"record_trace: {error}; get it with: python3 -m venv ENV && "
          "ENV/bin/pip install torch numpy safetensors, then run ENV/bin/python "
          "scripts/record_trace.py", file=sys.stderr)
    sys.exit(69)

# As `dcgan train --preset`: family, image size, channels, nz, ngf, ndf.
PRESETS = {
    "pytorch": ("pytorch", 64, 3, 100, 64, 64),
    "libtorch": ("libtorch", 28, 1, 100, 64, 64),
    "mnist32": ("pytorch", 32, 1, 100, 64, 64),
    "cifar32": ("pytorch", 32, 3, 100, 64, 64),
    "paper": ("pytorch", 64, 3, 100, 128, 128),
}
MODEL_OPTIONS = ("image_size", "channels", "nz", "ngf", "ndf")
SETTINGS = {field: type(value) for field, value in vars(Settings()).items()}

# Ten times what correct programs were seen to differ by: in float32 the order of sums, in float64
# rounding. Gradients: norm of the difference over the norm; the rest: the largest difference.
TOLERANCE = {torch.float32: {"gradient": 2e-5, "value": 2e-6},
             torch.float64: {"gradient": 1e-12, "value": 1e-12}}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, add_help=True,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="pytorch")
    for name in MODEL_OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help="default: the preset's")
    defaults = Settings()
    parser.add_argument("--loss", choices=LOSSES)
    parser.add_argument("--optimizer", choices=("adam", "rmsprop"))
    for name, kind in SETTINGS.items():
        if kind in (int, float):
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind,
                                help=f"default: {getattr(defaults, name)}")
    parser.add_argument("--soft-real-labels", type=float, metavar="LOW",
                        help="draws the labels of real images from U(LOW, 1) and records them")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--real", default="random", metavar="FILE.npy|random",
                        help="uint8 [M,H,W] or [M,H,W,C], or float32 [M,C,H,W] in [-1,1]")
    parser.add_argument("--trajectory", action="store_true",
                        help="records where a run arrives, not each update from its own state")
    parser.add_argument("--double", action="store_true",
                        help="with --trajectory: compute in float64")
    parser.add_argument("--threads", type=int, default=1, help="1: sums in one order")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--replay", type=pathlib.Path, metavar="TRACE",
                        help="runs TRACE again and compares; its own settings, unless given here")
    parser.add_argument("--against", type=pathlib.Path, metavar="FILE",
                        help="with --replay: where the results to compare are (default: TRACE)")
    parser.add_argument("--variant", default="", metavar="NAME",
                        help="with --replay: the results are under NAME.step...")
    options = parser.parse_args()
    if (options.out is None) == (options.replay is None):
        parser.error("one of --out and --replay is needed")
    if options.double and not options.trajectory and options.replay is None:
        parser.error("--double needs --trajectory: otherwise both types are recorded")
    return options


def given_settings(options, stored=None):
    """Settings: the defaults, then what a trace stores, then what the command line says."""
    settings = Settings()
    for name, kind in SETTINGS.items():
        value = getattr(options, name)
        if value is None and stored and name.replace("_", "-") in stored:
            value = kind(stored[name.replace("_", "-")])
        if value is not None:
            setattr(settings, name, value)
    return settings


def real_images(options, count, channels, size):
    """[count, C, S, S] float32 in [-1, 1], each operation rounded as torchvision rounds it."""
    if options.real == "random":
        pixels = torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8)
    else:
        array = numpy.load(options.real)
        if len(array) < count:
            raise ValueError(f"{options.real} has {len(array)} images, {count} are needed")
        pixels = torch.from_numpy(numpy.ascontiguousarray(array[:count]))
        if pixels.dtype == torch.uint8:
            pixels = pixels[..., None] if pixels.ndim == 3 else pixels
            pixels = pixels.permute(0, 3, 1, 2)
    if tuple(pixels.shape[1:]) != (channels, size, size):
        raise ValueError(f"{options.real} holds images (C, H, W) = {tuple(pixels.shape[1:])}, "
                         f"the networks want {(channels, size, size)}")
    if pixels.dtype == torch.uint8:
        return (pixels.float() / 255 - 0.5) / 0.5
    if pixels.dtype != torch.float32:
        raise ValueError(f"{options.real}: type {pixels.dtype} is neither uint8 nor float32")
    return pixels


def record(options):
    family, *preset = PRESETS[options.preset]
    model = [getattr(options, name) or value for name, value in zip(MODEL_OPTIONS, preset)]
    size, channels, nz, ngf, ndf = model
    settings = given_settings(options)
    torch.manual_seed(options.seed)
    generator, discriminator = torch_networks.build(family, size, channels, nz, ngf, ndf)
    generator.apply(torch_networks.init_weights)
    discriminator.apply(torch_networks.init_weights)
    batches, batch_size = settings.steps * settings.d_steps, options.batch_size
    inputs = {f"init.{letter}.{name}": tensor.clone()
              for letter, module in (("G", generator), ("D", discriminator))
              for name, tensor in module.state_dict().items()}
    images = real_images(options, batches * batch_size, channels, size)
    inputs["real"] = images.reshape(batches, batch_size, channels, size, size).contiguous()
    inputs["noise"] = torch.randn(batches, batch_size, nz, 1, 1)
    if options.soft_real_labels is not None:
        labels = torch.empty(batches, batch_size)
        inputs["real_labels"] = labels.uniform_(options.soft_real_labels, 1)
    dtype = torch.float64 if options.double else torch.float32
    if options.trajectory:
        results = run(settings, generator, discriminator, inputs, dtype)
    else:
        results = record_updates(settings, generator, discriminator, inputs["real"],
                                 inputs["noise"], inputs.get("real_labels"))
    metadata = {"format": "pt", "torch": torch.__version__, "dtype": str(dtype).split(".")[1],
                "form": "trajectory" if options.trajectory else "updates",
                "family": family, "preset": options.preset,
                "seed": str(options.seed), "batch-size": str(batch_size)}
    metadata |= {name.replace("_", "-"): str(value) for name, value in zip(MODEL_OPTIONS, model)}
    metadata |= {name.replace("_", "-"): str(value) for name, value in vars(settings).items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(inputs | results, str(options.out), metadata=metadata)
    print(f"record_trace: {options.out}: {settings.steps} steps, {len(inputs | results)} tensors")
    return 0


def run(settings, generator, discriminator, inputs, dtype):
    cast = {name: inputs[name].to(dtype) for name in ("real", "noise", "real_labels")
            if name in inputs}
    return record_training(settings, generator.to(dtype), discriminator.to(dtype), cast["real"],
                           cast["noise"], cast.get("real_labels"), inputs.get("eval.noise"))


def read_trace(path):
    with safe_open(str(path), "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


def networks_of(trace):
    """The networks that a trace begins with, their sizes read off its tensors."""
    of_g = {name[7:]: t for name, t in trace.items() if name.startswith("init.G.")}
    of_d = {name[7:]: t for name, t in trace.items() if name.startswith("init.D.")}
    family = "libtorch" if "conv1.weight" in of_g else "pytorch"
    size, channels = trace["real"].shape[-1], trace["real"].shape[2]
    last = max((n for n in of_g if of_g[n].ndim == 4), key=lambda n: int(re.search(r"\d+", n)[0]))
    first = min((n for n in of_d if of_d[n].ndim == 4), key=lambda n: int(re.search(r"\d+", n)[0]))
    generator, discriminator = torch_networks.build(
        family, size, channels, trace["noise"].shape[2], of_g[last].shape[0], of_d[first].shape[0])
    generator.load_state_dict(of_g)
    discriminator.load_state_dict(of_d)
    return generator, discriminator


def scalars_beside(options, trace, dtype):
    """Scalars from a scalars.json beside the trace, for traces that do not hold their own."""
    file = options.replay.parent / "scalars.json"
    stem = options.replay.stem.removesuffix("_f32")
    key = stem.replace("_variants", f"_{options.variant}") if options.variant else stem
    rows = json.loads(file.read_text())["traces"].get(key) if file.is_file() else None
    if "scalars.errG" in trace or rows is None:
        return {}
    rows = rows["scalars_f64" if dtype == torch.float64 else "scalars_f32"]
    return {f"scalars.{name}": torch.tensor([row[name] for row in rows], dtype=torch.float64)
            for name in rows[0] if name != "step"}


def disagreement(name, got, expected, loss):
    """(kind of tolerance, figure) for one tensor."""
    got, expected = got.double(), expected.double()
    worst = (got - expected).abs().max().item()
    norm = expected.norm().item()
    if name.startswith("grad") and norm > 0:
        return "gradient", (got - expected).norm().item() / norm
    if loss == "wgan" and name.startswith("scalars."):
        # A clamped critic says about 1e-4: only a relative figure means something (1e-4 of it is
        # the 2e-6 of the others, times 50).
        return "value", worst / expected.abs().max().item() / 50
    return "value", worst


def replay(options):
    trace, stored = read_trace(options.replay)
    if options.double and not options.against and stored.get("dtype", "float32") == "float32":
        print("record_trace: --double needs --against a float64 trace", file=sys.stderr)
        return 2
    expected = read_trace(options.against)[0] if options.against else trace
    prefix = f"{options.variant}." if options.variant else ""
    expected = {name.removeprefix(prefix): tensor for name, tensor in expected.items()
                if name.startswith(prefix)}
    if "betas" in stored:
        stored["beta1"], stored["beta2"] = stored["betas"].split(",")
    steps = [int(found[1]) for name in expected if (found := re.match(r"step(\d+)\.", name))]
    if not steps:
        raise ValueError(f"no {prefix}stepN.* to compare with")
    stored.setdefault("steps", max(steps))
    settings = given_settings(options, stored)
    double = options.double or stored.get("dtype") == "float64"
    dtype = torch.float64 if double else torch.float32
    expected |= scalars_beside(options, expected, dtype)
    if f"eval{max(steps)}.noise" in trace:
        trace["eval.noise"] = trace[f"eval{max(steps)}.noise"]
    results = run(settings, *networks_of(trace), trace, dtype)
    return compare(results, expected, settings.loss, dtype)


def compare(results, expected, loss, dtype):
    worst, failures, compared = {}, 0, 0
    for name in sorted(results.keys() & expected.keys()):
        kind, figure = disagreement(name, results[name], expected[name], loss)
        group = name.split(".")[0]
        worst[group] = max(worst.get(group, 0.0), figure)
        compared += 1
        if not figure <= TOLERANCE[dtype][kind]:
            failures += 1
            print(f"differs: {name}: {figure:.3g} > {TOLERANCE[dtype][kind]:.3g}")
    for group, figure in worst.items():
        print(f"{group:8} worst {figure:.3g}")
    print(f"record_trace: {compared} tensors compared, {failures} differ")
    return 1 if failures or not compared else 0


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    try:
        return replay(options) if options.replay else record(options)
    except (ValueError, OSError) as error:
        print(f"record_trace: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
