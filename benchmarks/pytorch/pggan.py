"""The step of `pggan.model`, written plainly in PyTorch."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional

from benchmarks.pytorch.gan import numbers, update

SQRT_2 = math.sqrt(2.0)


class Equalized(nn.Module):
    """Convolution or, of a kernel of one dimension less, matrix product."""

    def __init__(self, inputs, maps, size=None, gain=SQRT_2, bias=True):
        super().__init__()
        shape = [maps, inputs] + ([size, size] if size else [])
        self.kernel = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(maps)) if bias else None
        self.scale = gain / math.sqrt(math.prod(shape[1:]))
        self.padding = size // 2 if size else None

    def forward(self, x):
        kernel = self.kernel * self.scale
        if self.padding is None:
            return functional.linear(x, kernel, self.bias)
        return functional.conv2d(x, kernel, self.bias, padding=self.padding)


def pixel_norm(x):
    """x / sqrt(mean over maps of x^2 + 1e-8), in float32."""
    square = x.float().square().mean(1, keepdim=True)
    return (x * torch.rsqrt(square + 1e-8)).to(x.dtype)


def activate(x):
    return functional.leaky_relu(x, 0.2)


def fade(old, new, alpha):
    alpha = alpha[:, None, None, None]
    return (1 - alpha) * old + alpha * new


class Generator(nn.Module):
    def __init__(self, sizes, maps_at, latent_size):
        super().__init__()
        maps = maps_at(4)
        self.first = Equalized(latent_size, 16 * maps, gain=SQRT_2 / 4, bias=False)
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))
        self.blocks = nn.ModuleList([nn.ModuleList([Equalized(maps, maps, 3)])])
        for size in sizes[1:]:
            before, maps = maps, maps_at(size)
            pair = [Equalized(before, maps, 3), Equalized(maps, maps, 3)]
            self.blocks.append(nn.ModuleList(pair))
        self.to_image = nn.ModuleList(
            Equalized(maps_at(size), 1, 1, gain=1.0) for size in sizes[-2:]
        )

    def forward(self, latents, alpha):
        x = self.first(pixel_norm(latents)).view(len(latents), -1, 4, 4) + self.bias
        x = pixel_norm(activate(x))
        for number, block in enumerate(self.blocks):
            smaller = x
            x = functional.interpolate(x, scale_factor=2) if number else x
            for conv in block:
                x = pixel_norm(activate(conv(x)))
        image = self.to_image[-1](x)
        if len(self.blocks) == 1:
            return image
        smaller = functional.interpolate(self.to_image[-2](smaller), scale_factor=2)
        return fade(smaller, image, alpha)


class Discriminator(nn.Module):
    def __init__(self, sizes, maps_at, stddev_group):
        super().__init__()
        self.group = stddev_group
        top = maps_at(4)
        self.from_image = nn.ModuleList(
            Equalized(1, maps_at(size), 1) for size in sizes[-2:]
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                Equalized(maps_at(size), maps_at(size), 3),
                nn.LeakyReLU(0.2, inplace=True),
                Equalized(maps_at(size), maps_at(size // 2), 3),
                nn.LeakyReLU(0.2, inplace=True),
                nn.AvgPool2d(2),
            )
            for size in sizes[1:]
        )
        self.last_conv = Equalized(top + 1, top, 3)
        self.dense = Equalized(16 * top, maps_at(2))
        self.scores = Equalized(maps_at(2), 1, gain=1.0)

    def forward(self, images, alpha):
        x = activate(self.from_image[-1](images))
        for block in reversed(self.blocks):
            x = block(x)
            if block is self.blocks[-1]:
                halved = functional.avg_pool2d(images, 2)
                x = fade(activate(self.from_image[-2](halved)), x, alpha)
        x = torch.cat([x, self._deviation(x)], dim=1)
        x = activate(self.last_conv(x)).flatten(1)
        return self.scores(activate(self.dense(x)))[:, 0].float()

    def _deviation(self, x):
        groups = x.float().reshape(-1, self.group, *x.shape[1:])
        deviation = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean([1, 2, 3])
        per_image = deviation.repeat_interleave(self.group)[:, None, None, None]
        return per_image.expand(-1, 1, *x.shape[2:]).to(x.dtype)


class Peer:
    """Both networks, their optimizers and the average, on one batch of images."""

    def __init__(self, settings, size, images, memory_format, autocast):
        def maps_at(size):
            stage = size.bit_length() - 2
            return min(settings["fmap_base"] // 2**stage, settings["fmap_max"])

        self.settings, self.autocast = settings, autocast
        sizes = [2**r for r in range(2, size.bit_length())]
        self.generator, self.discriminator = (
            network.to(memory_format=memory_format)
            for network in (
                Generator(sizes, maps_at, settings["latent_size"]),
                Discriminator(sizes, maps_at, settings["stddev_group"]),
            )
        )
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = [
            torch.optim.Adam(
                network.parameters(), settings["learning_rate"], betas=(0.0, 0.99)
            )
            for network in (self.generator, self.discriminator)
        ]
        self.real_images = images["real_images"].to(memory_format=memory_format)
        self.alpha = torch.ones(len(self.real_images))

    def parameters(self):
        """Numbers of each network."""
        return {
            "generator": numbers(self.generator.parameters()),
            "discriminator": numbers(self.discriminator.parameters()),
        }

    def step(self):
        for_generator, for_discriminator = self.optimizers
        with torch.no_grad(), self.autocast():
            fake_images = self._fake_images()
        with self.autocast():
            loss = self._discriminator_loss(self.real_images, fake_images.float())
        update(for_discriminator, loss, self.discriminator.parameters())
        with self.autocast():
            loss = -self._scores(self._fake_images()).mean()
        update(for_generator, loss, self.generator.parameters())
        decay = self.settings["ema_decay"]
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.generator.parameters())
            for slow, fast in pairs:
                slow.lerp_(fast, 1 - decay)
        return float(loss.detach())

    def _fake_images(self):
        latents = torch.randn(len(self.alpha), self.settings["latent_size"])
        return self.generator(latents, self.alpha)

    def _scores(self, images):
        return self.discriminator(images, self.alpha)

    def _discriminator_loss(self, real_images, fake_images):
        real_scores = self._scores(real_images)
        fake_scores = self._scores(fake_images)
        mix = torch.rand(len(self.alpha), 1, 1, 1)
        mixed = (real_images + mix * (fake_images - real_images)).requires_grad_()
        (slopes,) = torch.autograd.grad(
            self._scores(mixed).sum(), mixed, create_graph=True
        )
        norms = (slopes.float().square().sum([1, 2, 3]) + 1e-12).sqrt()
        return (
            (fake_scores - real_scores).mean()
            + self.settings["gradient_penalty_weight"] * (norms - 1).square().mean()
            + self.settings["drift_weight"] * real_scores.square().mean()
        )
