"""How set-ups compile their networks."""

import dataclasses

import torch
from torch import nn

ENDS_APART = "all but G's first and D's last convolution"


class AfterFirst(nn.Module):
    """The libtorch generator behind its first convolution."""

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, x):
        return self.generator.after_first(x)


def split_generator(generator):
    """(first convolution, everything behind it)"""
    if hasattr(generator, "after_first"):
        return generator.conv1, AfterFirst(generator)
    return generator.main[0], generator.main[1:]


def split_discriminator(discriminator):
    """(everything before the last convolution, the convolution and what follows it)"""
    layers = getattr(discriminator, "main", discriminator)
    return layers[:-2], layers[-2:]


def compile_networks(networks, setup):
    """(generator, discriminator), compiled as the set-up says; they share the weights."""
    def compiled(module):
        # dynamic=False: shapes never change here, and code for a fixed shape is the faster.
        return torch.compile(module, dynamic=False, **compiler_options(setup))
    generator, discriminator = networks
    if not setup.ends_apart:
        return compiled(generator), compiled(discriminator)
    # These two have a kernel that covers their whole input or output. With noise of one pixel
    # PyTorch takes its strides for contiguous and returns contiguous weight gradients, while the
    # compiler expects them channels_last as the weights are, and its code ends in an assertion.
    first, rest = split_generator(generator)
    body, last = split_discriminator(discriminator)
    return nn.Sequential(first, compiled(rest)), nn.Sequential(compiled(body), last)


def compiler_options(setup):
    """For torch.compile, which takes a mode or options, not both."""
    if setup.compile_options:
        return {"options": dict(setup.compile_options)}
    return {"mode": setup.compile_mode}


def with_defaults(setup):
    """The same set-up without a search."""
    return dataclasses.replace(setup, compile_mode=None, compile_options=())


def search(setup):
    """The name of what `with_defaults` leaves out; None: nothing."""
    if "max_autotune" in dict(setup.compile_options):
        return "max-autotune"
    return setup.compile_mode


def how(setup):
    """What a report says of a compiled set-up."""
    options = ", ".join(f"{key}={value}" for key, value in setup.compile_options)
    said = options or (f"mode={setup.compile_mode}" if setup.compile_mode else
                       "defaults of torch.compile")
    return f"{said}; {ENDS_APART if setup.ends_apart else 'whole'}"
