"""The adversarial step in PyTorch, as its users set it up: what the CPU and the GPU peers share.

A step is everything: noise is drawn inside it, both networks learn. The losses stay where they were
computed until `require_finite` reads them, except in the example as shipped, which reads its own.
"""

import contextlib
import dataclasses
import math
import pathlib
import sys
from typing import Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

try:
    import torch
    import torch._dynamo
    from torch.nn import functional

    import compiling
    import torch_networks
except ImportError as error:
    print(f"{pathlib.Path(sys.argv[0]).stem}: {error} (benchmarks/peers/setup_torch.sh)",
          file=sys.stderr)
    sys.exit(69)

INFERENCE_BATCHES = (1, 64)
DTYPE_NAMES = {None: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}


@dataclasses.dataclass(frozen=True)
class Setup:
    """What makes one variant different from the others."""

    shipped: bool = False  # pytorch/examples dcgan/main.py, word for word; nothing below applies
    autocast: Optional[torch.dtype] = None
    frozen: bool = False  # no weight gradients of the discriminator in the generator's step
    compiled: bool = False
    compile_mode: Optional[str] = None
    compile_options: tuple = ()  # pairs, in place of a mode
    ends_apart: bool = False  # G's first and D's last convolution are not compiled (compiling.py)
    captured: bool = False  # the whole step is one CUDA graph


def add_options(parser, variants, repeats, warm_up):
    """The options that every peer has."""
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--nz", type=int, default=100)
    parser.add_argument("--ngf", type=int, default=64)
    parser.add_argument("--ndf", type=int, default=64)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--variants", default=",".join(variants), help="comma-separated; none: ''")
    parser.add_argument("--repeats", type=int, default=repeats, help="timed steps of each variant")
    parser.add_argument("--warm-up", type=int, default=warm_up, help="steps before, not timed")
    parser.add_argument("--images", type=int, default=0,
                        help="real images held in memory; 0: eight batches")
    parser.add_argument("--no-inference", action="store_true", help="the steps alone")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def parse(parser, variants):
    """The options, checked; also sets what PyTorch has to know before anything runs."""
    options = parser.parse_args()
    options.images = options.images or 8 * options.batch
    options.variants = [name for name in options.variants.split(",") if name]
    unknown = set(options.variants) - set(variants)
    if unknown:
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(variants)}")
    if options.repeats < 1 or options.warm_up < 1 or options.batch < 1:
        parser.error("--repeats, --warm-up and --batch must be at least 1")
    if options.images < options.batch:
        parser.error(f"--images {options.images} is less than --batch {options.batch}")
    torch.set_num_threads(options.threads)
    # Several variants share the networks' code: past the default of 8 versions PyTorch would run
    # the rest uncompiled and the figures would not be what their names say.
    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    return options


def make_networks(options, setup, device="cpu"):
    """(generator, discriminator), the same weights for every variant."""
    family = "libtorch" if options.image_size == 28 else "pytorch"
    torch.manual_seed(0)
    networks = torch_networks.build(family, options.image_size, options.channels, options.nz,
                                    options.ngf, options.ndf)
    for network in networks:
        network.apply(torch_networks.init_weights)
        network.to(device)
        if not setup.shipped:
            network.to(memory_format=torch.channels_last)
    return compiling.compile_networks(networks, setup) if setup.compiled else networks


class Batches:
    """Real images in memory, handed out in turn; `prepare` is what a step has to do to them."""

    def __init__(self, images, batch, prepare):
        self.images, self.batch, self.prepare = images, batch, prepare
        self.next_image = 0

    def take(self):
        if self.next_image + self.batch > len(self.images):
            self.next_image = 0
        chosen = self.images[self.next_image:self.next_image + self.batch]
        self.next_image += self.batch
        return self.prepare(chosen)


class Step:
    """One variant: networks (its own unless given), optimisers, and what a step does."""

    def __init__(self, setup, options, batches, device="cpu", networks=None):
        self.setup, self.options, self.batches, self.device = setup, options, batches, device
        self.generator, self.discriminator = networks or make_networks(options, setup, device)
        adam = {} if setup.shipped else {"fused": True}
        if setup.captured and device != "cpu":
            adam["capturable"] = True
        self.adam_g, self.adam_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), **adam)
            for network in (self.generator, self.discriminator))
        self.scaler = torch.amp.GradScaler(device) if setup.autocast == torch.float16 else None
        self.ones = torch.ones(options.batch, device=device)
        self.zeros = torch.zeros(options.batch, device=device)
        self.losses = None

    def run(self):
        self.learn(self.batches.take())

    def learn(self, real):
        if self.setup.shipped:
            self.learn_as_shipped(real)
        else:
            self.learn_tuned(real)

    def noise(self):
        return torch.randn(self.options.batch, self.options.nz, 1, 1, device=self.device)

    def learn_as_shipped(self, real):
        def says(x):
            return torch.sigmoid(self.discriminator(x))
        self.discriminator.zero_grad()
        on_real = says(real)
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

    def learn_tuned(self, real):
        bce = functional.binary_cross_entropy_with_logits
        # One region for each update: inside a region autocast keeps its copies of the weights,
        # which spares casts until an optimiser changes the weights and makes the copies stale.
        with self.autocast():
            self.adam_d.zero_grad(set_to_none=True)
            err_real = bce(self.discriminator(real).float(), self.ones)
            self.backward(err_real)
            fake = self.generator(self.noise())
            err_fake = bce(self.discriminator(fake.detach()).float(), self.zeros)
            self.backward(err_fake)
        self.update(self.adam_d)
        with self.autocast():
            self.adam_g.zero_grad(set_to_none=True)
            with self.frozen_discriminator():
                err_g = bce(self.discriminator(fake).float(), self.ones)
                self.backward(err_g)
        self.update(self.adam_g)
        if self.scaler:
            self.scaler.update()
        self.losses = (err_real.detach() + err_fake.detach(), err_g.detach())

    def autocast(self):
        return torch.autocast(self.device, self.setup.autocast or torch.bfloat16,
                              enabled=self.setup.autocast is not None)

    def backward(self, loss):
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def update(self, adam):
        if self.scaler:
            self.scaler.step(adam)
        else:
            adam.step()

    @contextlib.contextmanager
    def frozen_discriminator(self):
        if not self.setup.frozen:
            yield
            return
        self.discriminator.requires_grad_(False)
        yield
        self.discriminator.requires_grad_(True)


def require_finite(name, losses):
    """Raises unless both losses are numbers: a variant that diverged measures something else."""
    if not all(math.isfinite(float(loss)) for loss in losses):
        raise ArithmeticError(f"{name}: losses {losses} are not finite")
