"""Adversarial training in PyTorch, step for step as pytorch/examples dcgan/main.py, recorded.

One step: `d_steps` times {D on real, D on a detached G(z), update D, clamp}, then G through the
updated D on the last fake batch. Every update of D draws the next batch of real images and noise.
Batch-norm statistics of D change three times a step (real, fake, G's pass), those of G once a fake.
"""

import copy
import dataclasses

import torch
from torch.nn import functional

LOSSES = ("minimax", "non-saturating", "lsgan", "hinge", "wgan")
SCALARS = ("errD_real", "errD_fake", "errD", "errG", "D_x", "D_G_z1", "D_G_z2")


@dataclasses.dataclass
class Settings:
    loss: str = "non-saturating"
    optimizer: str = "adam"
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    alpha: float = 0.99  # RMSprop
    epsilon: float = 1e-8
    weight_clip: float = 0.0  # 0: none
    d_steps: int = 1
    steps: int = 5
    real_label: float = 1.0
    fake_label: float = 0.0


def uses_sigmoid(loss):
    return loss in ("minimax", "non-saturating")


def bce(probability, label):
    target = label if torch.is_tensor(label) else torch.full_like(probability, label)
    return functional.binary_cross_entropy(probability, target)


def discriminator_losses(loss, real, fake, real_label, fake_label):
    """(errD_real, errD_fake) of what D says: probabilities, or scores without a sigmoid."""
    if uses_sigmoid(loss):
        return bce(real, real_label), bce(fake, fake_label)
    if loss == "lsgan":
        return 0.5 * ((real - real_label) ** 2).mean(), 0.5 * ((fake - fake_label) ** 2).mean()
    if loss == "hinge":
        return torch.relu(1 - real).mean(), torch.relu(1 + fake).mean()
    return -real.mean(), fake.mean()


def generator_loss(loss, fake):
    if loss == "minimax":
        return -bce(fake, 0.0)  # mean log(1 - D(G(z))): negative
    if loss == "non-saturating":
        return bce(fake, 1.0)
    if loss == "lsgan":
        return 0.5 * ((fake - 1) ** 2).mean()
    return -fake.mean()


def make_optimizer(settings, module):
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(module.parameters(), lr=settings.lr, alpha=settings.alpha,
                                   eps=settings.epsilon)
    return torch.optim.Adam(module.parameters(), lr=settings.lr,
                            betas=(settings.beta1, settings.beta2), eps=settings.epsilon)


class Recorder:
    """Copies of tensors under the names of a trace."""

    def __init__(self):
        self.tensors = {}

    def add(self, name, tensor):
        self.tensors[name] = tensor.detach().clone().contiguous()

    def state(self, prefix, generator, discriminator):
        for letter, module in (("G", generator), ("D", discriminator)):
            for name, tensor in module.state_dict().items():
                self.add(f"{prefix}.{letter}.{name}", tensor)

    def gradients(self, prefix, module):
        for name, parameter in module.named_parameters():
            self.add(f"{prefix}.{name}", parameter.grad)

    def moments(self, prefix, module, optimizer):
        for name, parameter in module.named_parameters():
            for key, tensor in optimizer.state[parameter].items():
                if key in ("exp_avg", "exp_avg_sq", "square_avg"):
                    self.add(f"{prefix}.{name}.{key}", tensor)


def record_training(settings, generator, discriminator, real, noise, real_labels=None,
                    eval_noise=None):
    """Trains both networks in place; returns the trace's tensors from `grad1` on.

    real: [K, B, C, H, W], noise: [K, B, nz, 1, 1], real_labels: [K, B] or None, with
    K >= steps * d_steps, all in the type of the networks. eval_noise: [B, nz, 1, 1] for the
    outputs recorded at the end, drawn here when None.
    """
    recorder = Recorder()
    says = (lambda x: torch.sigmoid(discriminator(x))) if uses_sigmoid(settings.loss) \
        else discriminator
    optimizer_d = make_optimizer(settings, discriminator)
    optimizer_g = make_optimizer(settings, generator)
    scalars = {name: [] for name in SCALARS}
    batch = 0
    for step in range(1, settings.steps + 1):
        for _ in range(settings.d_steps):
            label = settings.real_label if real_labels is None else real_labels[batch]
            optimizer_d.zero_grad()
            on_real = says(real[batch])
            fake = generator(noise[batch])
            on_fake = says(fake.detach())
            err_real, err_fake = discriminator_losses(settings.loss, on_real, on_fake, label,
                                                      settings.fake_label)
            err_real.backward()
            err_fake.backward()
            if batch == 0:
                recorder.gradients("grad1.D", discriminator)
            optimizer_d.step()
            if settings.weight_clip > 0:
                with torch.no_grad():
                    for parameter in discriminator.parameters():
                        parameter.clamp_(-settings.weight_clip, settings.weight_clip)
            batch += 1
        optimizer_g.zero_grad()
        on_fake_after = says(fake)
        err_g = generator_loss(settings.loss, on_fake_after)
        err_g.backward()
        if step == 1:
            recorder.gradients("grad1.G", generator)
        optimizer_g.step()
        figures = (err_real, err_fake, err_real + err_fake, err_g, on_real.mean(), on_fake.mean(),
                   on_fake_after.mean())
        for name, figure in zip(SCALARS, figures):
            scalars[name].append(figure.detach())
        if step in (1, settings.steps):
            recorder.state(f"step{step}", generator, discriminator)
    recorder.moments(f"{settings.optimizer}{step}.G", generator, optimizer_g)
    recorder.moments(f"{settings.optimizer}{step}.D", discriminator, optimizer_d)
    record_outputs(recorder, f"eval{step}", settings, generator, discriminator, real[0],
                   eval_noise)
    for name, figures in scalars.items():
        recorder.add(f"scalars.{name}", torch.stack(figures))
    return recorder.tensors


def record_outputs(recorder, prefix, settings, generator, discriminator, real, noise=None):
    """What the trained networks make of one batch, in both modes of batch norm."""
    if noise is None:
        nz = next(generator.parameters()).shape[0]
        noise = torch.randn(len(real), nz, 1, 1, generator=torch.Generator().manual_seed(1))
    recorder.add(f"{prefix}.noise", noise)
    noise = noise.to(real.dtype)
    # Copies, so that looking at the networks does not move their running statistics.
    in_training, in_use = copy.deepcopy(generator).train(), copy.deepcopy(generator).eval()
    judge = copy.deepcopy(discriminator).eval()
    with torch.no_grad():
        recorder.add(f"{prefix}.fake_train", in_training(noise))
        recorder.add(f"{prefix}.fake_eval", in_use(noise))
        said = judge(real)
        recorder.add(f"{prefix}.D_eval_of_real0",
                     torch.sigmoid(said) if uses_sigmoid(settings.loss) else said)
