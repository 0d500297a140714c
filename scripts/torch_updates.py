"""Adversarial training in PyTorch, update by update: each begins from a state that is recorded.

Behind every update of float32 a twin in float64 computes the same from the same state, so that what
float32 itself is worth is known tensor by tensor, and nothing that a rounding has changed is carried
on. A second twin takes the other slope of every (leaky) ReLU whose input is so near zero that a
rounding may decide: what that changes in a gradient is no fault of a program either.
As torch_training.py; real images and noise of the u-th update of D are batch u - 1.
"""

import contextlib
import copy

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from torch_training import (SCALARS, discriminator_losses, generator_loss, make_optimizer,
                            uses_sigmoid)


NEAR_ZERO = 5e-6  # of the inputs' root mean square: a few roundings of float32


class OtherSlopes(TorchFunctionMode):
    """Inside it inputs of (leaky) ReLUs near zero count as of the other sign."""

    SLOPES = {torch.relu: 0.0, functional.relu: 0.0, functional.leaky_relu: None}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function not in self.SLOPES:
            return function(*args, **kwargs)
        x, *rest = args
        slope = self.SLOPES[function]
        if slope is None:
            slope = rest[0] if rest else kwargs["negative_slope"]
        near = x.detach().abs() < NEAR_ZERO * x.detach().square().mean().sqrt()
        return torch.where((x > 0) ^ near, x, slope * x)


class Pass:
    """The two networks in one type, and one update's gradients and scalars from them."""

    def __init__(self, settings, generator, discriminator, dtype,
                 slopes=contextlib.nullcontext):
        self.settings, self.dtype, self.slopes = settings, dtype, slopes
        self.generator = copy.deepcopy(generator).to(dtype)
        self.discriminator = copy.deepcopy(discriminator).to(dtype)
        self.figures = {}
        self.fake = None

    def says(self, images):
        logits = self.discriminator(images)
        return torch.sigmoid(logits) if uses_sigmoid(self.settings.loss) else logits

    def note(self, **figures):
        self.figures |= {name: figure.detach() for name, figure in figures.items()}

    def discriminator_gradients(self, real, noise, label):
        self.discriminator.zero_grad()
        label = label.to(self.dtype) if torch.is_tensor(label) else label
        with self.slopes():
            on_real = self.says(real.to(self.dtype))
            self.fake = self.generator(noise.to(self.dtype))
            on_fake = self.says(self.fake.detach())
            err_real, err_fake = discriminator_losses(self.settings.loss, on_real, on_fake, label,
                                                      self.settings.fake_label)
        err_real.backward()
        err_fake.backward()
        self.note(errD_real=err_real, errD_fake=err_fake, errD=err_real + err_fake,
                  D_x=on_real.mean(), D_G_z1=on_fake.mean())

    def generator_gradients(self):
        self.generator.zero_grad()
        with self.slopes():
            on_fake = self.says(self.fake)
            err = generator_loss(self.settings.loss, on_fake)
        err.backward()
        self.note(errG=err, D_G_z2=on_fake.mean())


class UpdateRecorder:
    def __init__(self, settings, generator, discriminator):
        self.settings, self.tensors = settings, {}
        self.float = Pass(settings, generator, discriminator, torch.float32)
        self.optimizers = {"G": make_optimizer(settings, self.float.generator),
                           "D": make_optimizer(settings, self.float.discriminator)}
        self.scalars = {kind: {name: [] for name in SCALARS} for kind in ("scalars", "twin.scalars")}

    def modules(self, one):
        return (("G", one.generator), ("D", one.discriminator))

    def add(self, name, tensor):
        """Float64 is kept as float32: its rounding is far below what is compared."""
        tensor = tensor.detach()
        kept = tensor.float() if tensor.dtype == torch.float64 else tensor
        self.tensors[name] = kept.clone().contiguous()

    def state(self, update):
        """Everything that update `update` starts from."""
        keys = ("exp_avg", "exp_avg_sq") if self.settings.optimizer == "adam" else ("square_avg",)
        for letter, module in self.modules(self.float):
            for name, tensor in module.state_dict().items():
                self.add(f"state{update}.{letter}.{name}", tensor)
            for name, parameter in module.named_parameters():
                held = self.optimizers[letter].state.get(parameter, {})
                for key in keys:
                    self.add(f"moments{update}.{letter}.{name}.{key}",
                             held.get(key, torch.zeros_like(parameter)))

    def gradients(self, update, letter, twins):
        of = [dict(dict(self.modules(one))[letter].named_parameters())
              for one in (self.float, *twins)]
        for name in of[0]:
            ours, twin, other = (parameters[name].grad for parameters in of)
            self.add(f"grad{update}.{letter}.{name}", ours)
            self.add(f"twin{update}.{letter}.{name}", twin)
            norm = max(twin.norm().item(), 1e-300)
            self.add(f"kinks{update}.{letter}.{name}", (other - twin).norm().reshape(1) / norm)

    def step(self, letter):
        self.optimizers[letter].step()
        clip = self.settings.weight_clip
        if letter == "D" and clip > 0:
            with torch.no_grad():
                for parameter in self.float.discriminator.parameters():
                    parameter.clamp_(-clip, clip)

    def discriminator_update(self, update, real, noise, label):
        """Returns the twins, whose fakes the generator's update may need."""
        self.state(update)
        twins = [Pass(self.settings, self.float.generator, self.float.discriminator,
                      torch.float64, slopes)
                 for slopes in (contextlib.nullcontext, OtherSlopes)]
        for one in (self.float, *twins):
            one.discriminator_gradients(real, noise, label)
        self.gradients(update, "D", twins)
        self.step("D")
        return twins

    def generator_update(self, update, twins):
        # Twins go on from the weights that float32 has arrived at, with statistics of their own.
        with torch.no_grad():
            for twin in twins:
                for of_twin, of_float in zip(twin.discriminator.parameters(),
                                             self.float.discriminator.parameters()):
                    of_twin.copy_(of_float)
        for one in (self.float, *twins):
            one.generator_gradients()
        self.gradients(update, "G", twins)
        self.step("G")
        for kind, one in (("scalars", self.float), ("twin.scalars", twins[0])):
            for name, figures in self.scalars[kind].items():
                figures.append(one.figures[name].float())

    def statistics(self, update, twin):
        for letter, module in self.modules(twin):
            for name, tensor in module.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    self.add(f"twin{update}.{letter}.{name}", tensor)


def record_updates(settings, generator, discriminator, real, noise, real_labels=None):
    """The trace's tensors from `state1` on. real: [K, B, C, H, W], noise: [K, B, nz, 1, 1],
    real_labels: [K, B] or None, float32, with K >= steps * d_steps."""
    recorder = UpdateRecorder(settings, generator, discriminator)
    update = 0
    for _ in range(settings.steps):
        for index in range(settings.d_steps):
            label = settings.real_label if real_labels is None else real_labels[update]
            twins = recorder.discriminator_update(update + 1, real[update], noise[update], label)
            update += 1
            if index + 1 == settings.d_steps:
                recorder.generator_update(update, twins)
            recorder.statistics(update, twins[0])
    recorder.state(update + 1)
    for kind, scalars in recorder.scalars.items():
        for name, figures in scalars.items():
            recorder.add(f"{kind}.{name}", torch.stack(figures))
    return recorder.tensors
