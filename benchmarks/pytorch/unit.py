"""The step of `unit.model`, written plainly in PyTorch."""

import itertools

import torch
from torch import nn
from torch.nn import functional

from benchmarks.pytorch.gan import (
    MultiScaleDiscriminator,
    numbers,
    reflected,
    update,
)


class ResidualBlock(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.layers = nn.Sequential(
            reflected(maps, maps, 3, bias=False),
            nn.InstanceNorm2d(maps),
            nn.ReLU(inplace=True),
            reflected(maps, maps, 3, bias=False),
            nn.InstanceNorm2d(maps),
        )

    def forward(self, x):
        return x + self.layers(x)


def residual_blocks(count, maps):
    return [ResidualBlock(maps) for _ in range(count)]


def encoder(base_maps, blocks):
    layers, inputs = [], 1
    for maps, size, stride in ((1, 7, 1), (2, 4, 2), (4, 4, 2)):
        maps *= base_maps
        layers += [
            reflected(inputs, maps, size, stride, bias=False),
            nn.InstanceNorm2d(maps),
            nn.ReLU(inplace=True),
        ]
        inputs = maps
    return nn.Sequential(*layers, *blocks)


def decoder(base_maps, blocks):
    layers, inputs = [*blocks], 4 * base_maps
    for maps in (2 * base_maps, base_maps):
        layers += [
            nn.Upsample(scale_factor=2),
            reflected(inputs, maps, 5),
            nn.GroupNorm(1, maps),
            nn.ReLU(inplace=True),
        ]
        inputs = maps
    return nn.Sequential(*layers, reflected(inputs, 1, 7), nn.Tanh())


class Peer:
    """All six networks and two optimizers, on one batch of either domain."""

    def __init__(self, settings, size, images, memory_format, autocast):
        del size
        self.settings, self.autocast = settings, autocast
        maps, shared = 4 * settings["base_maps"], settings["shared_blocks"]
        of_encoders, of_decoders = (residual_blocks(shared, maps) for _ in range(2))

        def own():
            return residual_blocks(4 - shared, maps)

        base_maps = settings["base_maps"]
        networks = {
            "encoder_a": encoder(base_maps, own() + of_encoders),
            "encoder_b": encoder(base_maps, own() + of_encoders),
            "decoder_a": decoder(base_maps, of_decoders + own()),
            "decoder_b": decoder(base_maps, of_decoders + own()),
        }
        for domain in "ab":
            networks[f"discriminator_{domain}"] = MultiScaleDiscriminator(
                base_maps, settings["discriminator_scales"]
            )
        self.networks = nn.ModuleDict(networks).to(memory_format=memory_format)
        self.sides = {
            side: list({id(p): p for p in self._parameters(side)}.values())
            for side in (("encoder", "decoder"), ("discriminator",))
        }
        self.generator, self.discriminator = (
            torch.optim.Adam(
                parameters,
                settings["learning_rate"],
                betas=(0.5, 0.999),
                weight_decay=settings["weight_decay"],
            )
            for parameters in self.sides.values()
        )
        self.x_a, self.x_b = (
            images[name].to(memory_format=memory_format)
            for name in ("synthetic_images", "real_images")
        )

    def _parameters(self, side):
        return itertools.chain.from_iterable(
            network.parameters()
            for name, network in self.networks.items()
            if name.startswith(side)
        )

    def parameters(self):
        """Numbers of both sides."""
        of_generator, of_discriminator = map(numbers, self.sides.values())
        return {"generator": of_generator, "discriminator": of_discriminator}

    def step(self):
        of_generator, of_discriminator = self.sides.values()
        with self.autocast():
            loss = self._discriminator_loss()
        update(self.discriminator, loss, of_discriminator)
        with self.autocast():
            loss = self._generator_loss()
        update(self.generator, loss, of_generator)
        return float(loss.detach())

    def _encode(self, domain, x):
        h = self.networks[f"encoder_{domain}"](x).float()
        return h, h + torch.randn_like(h)

    def _decode(self, domain, z):
        return self.networks[f"decoder_{domain}"](z).float()

    def _scores(self, domain, x):
        return [s.float() for s in self.networks[f"discriminator_{domain}"](x)]

    def _discriminator_loss(self):
        with torch.no_grad():
            z_a, z_b = (self._encode(d, x)[1] for d, x in self._images())
            fakes = {"a": self._decode("a", z_b), "b": self._decode("b", z_a)}
        loss = 0.0
        for domain, x in self._images():
            for real in self._scores(domain, x):
                loss = loss + (real - 1).square().mean()
            for fake in self._scores(domain, fakes[domain]):
                loss = loss + fake.square().mean()
        return self.settings["gan_weight"] * loss

    def _images(self):
        return ("a", self.x_a), ("b", self.x_b)

    def _generator_loss(self):
        s = self.settings
        (h_a, z_a), (h_b, z_b) = (self._encode(d, x) for d, x in self._images())
        x_aa, x_ba = self._decode("a", z_a), self._decode("a", z_b)
        x_ab, x_bb = self._decode("b", z_a), self._decode("b", z_b)
        h_ab, z_ab = self._encode("b", x_ab)
        h_ba, z_ba = self._encode("a", x_ba)
        x_aba, x_bab = self._decode("a", z_ab), self._decode("b", z_ba)
        loss = 0.0
        for domain, x, x_own, h, x_cycle, h_cycle, fakes in (
            ("a", self.x_a, x_aa, h_a, x_aba, h_ab, x_ba),
            ("b", self.x_b, x_bb, h_b, x_bab, h_ba, x_ab),
        ):
            scores = self._scores(domain, fakes)
            gan = sum((score - 1).square().mean() for score in scores)
            loss = (
                loss
                + s["gan_weight"] * gan
                + s["reconstruction_weight"] * functional.l1_loss(x_own, x)
                + s["kl_weight"] * h.square().mean()
                + s["cycle_weight"] * functional.l1_loss(x_cycle, x)
                + s["cycle_kl_weight"] * h_cycle.square().mean()
            )
        return loss
