"""What the networks of several GANs have in common, written plainly in PyTorch.

Images and feature maps are [batch, maps, height, width].
"""

import torch
from torch import nn
from torch.nn import functional


def reflected(inputs, maps, size, stride=1, bias=True):
    """A convolution of the image continued by its mirror image."""
    padding = (size - 1) // 2
    return nn.Conv2d(
        inputs, maps, size, stride, padding, padding_mode="reflect", bias=bias
    )


def numbers(parameters):
    """How many numbers are in some parameters, those that occur twice counted once."""
    return sum(p.numel() for p in {id(p): p for p in parameters}.values())


def update(optimizer, loss, parameters):
    """One step of an optimizer, which computes no gradient that it has no use for."""
    parameters = list({id(p): p for p in parameters}.values())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
        parameter.grad = gradient
    optimizer.step()


class MultiScaleDiscriminator(nn.Module):
    """Patches at several scales, as `gan.discriminators`."""

    def __init__(self, base_maps, scales):
        super().__init__()
        self.scales = nn.ModuleList(self._scale(base_maps) for _ in range(scales))

    @staticmethod
    def _scale(base_maps):
        layers, inputs = [], 1
        for n in range(4):
            maps = base_maps * 2**n
            layers += [reflected(inputs, maps, 4, 2), nn.LeakyReLU(0.2, inplace=True)]
            inputs = maps
        return nn.Sequential(*layers, nn.Conv2d(inputs, 1, 1))

    def forward(self, images):
        scores = []
        for scale in self.scales:
            scores.append(scale(images))
            images = functional.avg_pool2d(
                images, 3, 2, padding=1, count_include_pad=False
            )
        return scores
