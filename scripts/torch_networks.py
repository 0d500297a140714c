"""The DCGAN networks in PyTorch, under the names that checkpoints and traces use.

    pytorch   pytorch/examples dcgan/main.py at any power of two from 16 to 512 pixels: main.0, ...
    paper     the same with 128 channels at the widest image side (Radford et al. 2016)
    libtorch  the layers of the libtorch C++ tutorial, 28 pixels: conv1.., batch_norm1..; 0, 2, 3..

Both networks end before the last activation of the discriminator: its output is the logit, (N).
Used by scripts/record_trace.py and benchmarks/peers.
"""

import torch
from torch import nn

LEAK = 0.2


class Chain(nn.Module):
    """A Sequential that lives under the name `main`, as in the example."""

    def __init__(self, *layers):
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, x):
        return self.main(x)


class Logits(nn.Module):
    """The last layer's name-free end: (N, 1, 1, 1) -> (N)."""

    def forward(self, x):
        return x.flatten()


def stages(image_size):
    """Number of stride-2 layers between the 4x4 and the image, less the one at the image."""
    count = image_size.bit_length() - 4
    if image_size < 16 or image_size > 512 or image_size & (image_size - 1):
        raise ValueError(f"image size {image_size}: a power of two from 16 to 512 is needed")
    return count


def pytorch_generator(image_size, channels, nz, ngf):
    width = ngf << stages(image_size)  # 64 px: 8 ngf
    layers = [nn.ConvTranspose2d(nz, width, 4, 1, 0, bias=False), nn.BatchNorm2d(width),
              nn.ReLU(True)]
    while width > ngf:
        layers += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(width // 2), nn.ReLU(True)]
        width //= 2
    return Chain(*layers, nn.ConvTranspose2d(ngf, channels, 4, 2, 1, bias=False), nn.Tanh())


def pytorch_discriminator(image_size, channels, ndf):
    layers = [nn.Conv2d(channels, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(LEAK, True)]
    width = ndf
    for _ in range(stages(image_size)):
        layers += [nn.Conv2d(width, width * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width * 2),
                   nn.LeakyReLU(LEAK, True)]
        width *= 2
    return Chain(*layers, nn.Conv2d(width, 1, 4, 1, 0, bias=False), Logits())


class LibtorchGenerator(nn.Module):
    """28 pixels: 4, 7, 14, 28."""

    def __init__(self, channels, nz, ngf):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(nz, ngf * 4, 4, bias=False)
        self.batch_norm1 = nn.BatchNorm2d(ngf * 4)
        self.conv2 = nn.ConvTranspose2d(ngf * 4, ngf * 2, 3, 2, 1, bias=False)
        self.batch_norm2 = nn.BatchNorm2d(ngf * 2)
        self.conv3 = nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False)
        self.batch_norm3 = nn.BatchNorm2d(ngf)
        self.conv4 = nn.ConvTranspose2d(ngf, channels, 4, 2, 1, bias=False)

    def forward(self, z):
        return self.after_first(self.conv1(z))

    def after_first(self, x):
        x = torch.relu(self.batch_norm1(x))
        x = torch.relu(self.batch_norm2(self.conv2(x)))
        x = torch.relu(self.batch_norm3(self.conv3(x)))
        return torch.tanh(self.conv4(x))


def libtorch_discriminator(channels, ndf):
    return nn.Sequential(
        nn.Conv2d(channels, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(LEAK, True),
        nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 2),
        nn.LeakyReLU(LEAK, True),
        nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 4),
        nn.LeakyReLU(LEAK, True),
        nn.Conv2d(ndf * 4, 1, 3, 1, 0, bias=False), Logits())


def build(family, image_size, channels, nz, ngf, ndf):
    """(generator, discriminator) of a family: pytorch or libtorch."""
    if family == "libtorch":
        if image_size != 28:
            raise ValueError(f"the libtorch networks make 28-pixel images, not {image_size}")
        return LibtorchGenerator(channels, nz, ngf), libtorch_discriminator(channels, ndf)
    return (pytorch_generator(image_size, channels, nz, ngf),
            pytorch_discriminator(image_size, channels, ndf))


def init_weights(module):
    """N(0, 0.02) for convolutions, N(1, 0.02) and 0 for batch norm, as both examples do."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
