"""The step of `simgan.model`, its main part, written plainly in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.pytorch.gan import numbers, update

REFINED, REAL = 0, 1


def conv_norm(inputs, maps, size, momentum, stride=1):
    """A convolution and batch norm, whose offset takes the bias' place."""
    conv = nn.Conv2d(inputs, maps, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(maps, eps=1e-3, momentum=1 - momentum))


class ResidualBlock(nn.Module):
    def __init__(self, maps, size, momentum):
        super().__init__()
        self.first = conv_norm(maps, maps, size, momentum)
        self.second = conv_norm(maps, maps, size, momentum)

    def forward(self, x):
        return functional.relu(x + self.second(functional.relu(self.first(x))))


def build_refiner(settings):
    maps, momentum = settings["base_maps"], settings["batch_norm_momentum"]
    size = {"hands": 7, "eyes": 3}[settings["architecture"]]
    blocks = (
        ResidualBlock(maps, settings["block_kernel_size"], momentum)
        for _ in range(settings["num_blocks"])
    )
    first = nn.Conv2d(1, maps, size, padding=size // 2)
    last = nn.Tanh() if settings["output_activation"] == "tanh" else nn.Identity()
    return nn.Sequential(first, *blocks, nn.Conv2d(maps, 1, 1), last)


def build_discriminator(settings):
    maps, momentum = settings["base_maps"], settings["batch_norm_momentum"]
    hands = settings["architecture"] == "hands"
    (first, stride), (second, next_stride) = (
        ((7, 4), (5, 2)) if hands else ((3, 2), (3, 2))
    )
    last = 2 if hands else 1

    def conv(*arguments, stride=1):
        return [conv_norm(*arguments, momentum, stride), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *conv(1, maps * 3 // 2, first, stride=stride),
        *conv(maps * 3 // 2, maps, second, stride=next_stride),
        nn.MaxPool2d(3, last, padding=1),
        *conv(maps, maps // 2, 3, stride=last),
        *conv(maps // 2, maps // 2, 1),
        nn.Conv2d(maps // 2, 2, 1),
    )


class Peer:
    """Refiner, discriminator and history; a batch for each update of a step."""

    def __init__(self, settings, size, images, memory_format, autocast):
        self.settings, self.autocast = settings, autocast
        self.refiner, self.discriminator = (
            build(settings).to(memory_format=memory_format)
            for build in (build_refiner, build_discriminator)
        )
        self.optimizers = [
            torch.optim.SGD(network.parameters(), settings["learning_rate"])
            for network in (self.refiner, self.discriminator)
        ]
        self.synthetic_images, self.real_images = (
            images[name].to(memory_format=memory_format)
            for name in ("synthetic_images", "real_images")
        )
        self.half = len(self.real_images) // 2
        self.history = torch.zeros(settings["history_size"], 1, size, size)
        self.filled = 0

    def parameters(self):
        """Numbers of each network."""
        return {
            "refiner": numbers(self.refiner.parameters()),
            "discriminator": numbers(self.discriminator.parameters()),
        }

    def step(self):
        for _ in range(self.settings["refiner_updates"]):
            self._update_refiner()
        for _ in range(self.settings["discriminator_updates"]):
            loss = self._update_discriminator()
        return float(loss.detach())

    def _update_refiner(self):
        with self.autocast():
            refined_images = self.refiner(self.synthetic_images).float()
            difference = (refined_images - self.synthetic_images).abs()
            _, logits = self._judge(refined_images)
            loss = self._weight() * self._reduce(difference)
            loss = loss + self._cross_entropy(logits, REAL)
        update(self.optimizers[0], loss, self.refiner.parameters())

    def _weight(self):
        weight = self.settings["regularization_weight"]
        if weight is None:
            weight = {"sum": 0.01, "mean": 10.0}[self.settings["loss_reduction"]]
        return weight

    def _update_discriminator(self):
        with torch.no_grad(), self.autocast():
            refined_images = self._exchange(self.refiner(self.synthetic_images).float())
        with self.autocast():
            real_logits, logits = self._judge(refined_images)
            loss = self._cross_entropy(logits, REFINED)
            loss = loss + self._cross_entropy(real_logits, REAL)
        update(self.optimizers[1], loss, self.discriminator.parameters())
        return loss

    def _judge(self, refined_images):
        images = torch.cat([self.real_images, refined_images])
        return self.discriminator(images).float().chunk(2)

    def _cross_entropy(self, logits, label):
        return self._reduce(-functional.log_softmax(logits, dim=1)[:, label])

    def _reduce(self, values):
        """The mean over images of the sum, or mean, over positions."""
        if self.settings["loss_reduction"] == "mean":
            return values.mean()
        return values.sum() / len(values)

    def _exchange(self, refined_images):
        new, others = refined_images[: self.half], refined_images[self.half :]
        if self.filled:
            others = self.history[torch.randperm(self.filled)[: self.half]]
        if self.filled + self.half <= len(self.history):
            places = torch.arange(self.filled, self.filled + self.half)
            self.filled += self.half
        else:
            places = torch.randperm(len(self.history))[: self.half]
        self.history[places] = new
        return torch.cat([new, others])
