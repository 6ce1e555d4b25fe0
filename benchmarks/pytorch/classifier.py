"""The step of `classifier.model`, ResNet-50, written plainly in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.pytorch.gan import numbers, update

MEANS = (103.939, 116.779, 123.68)  # ImageNet's, of blue, green and red.


def conv_norm(inputs, maps, size, momentum, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, maps, size, stride, size // 2),
        nn.BatchNorm2d(maps, eps=1.001e-5, momentum=1 - momentum),
    )


class Bottleneck(nn.Module):
    def __init__(self, inputs, maps, momentum, stride, projected):
        super().__init__()
        self.shortcut = nn.Identity()
        if projected:
            self.shortcut = conv_norm(inputs, 4 * maps, 1, momentum, stride)
        self.layers = nn.Sequential(
            conv_norm(inputs, maps, 1, momentum, stride),
            nn.ReLU(inplace=True),
            conv_norm(maps, maps, 3, momentum),
            nn.ReLU(inplace=True),
            conv_norm(maps, 4 * maps, 1, momentum),
        )

    def forward(self, x):
        return functional.relu(self.shortcut(x) + self.layers(x), inplace=True)


def build_detector(settings):
    maps, momentum = settings["base_maps"], settings["batch_norm_momentum"]
    layers = [
        conv_norm(3, maps, 7, momentum, 2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    inputs = maps
    for stage, number in enumerate(settings["blocks"]):
        for block in range(number):
            own = maps * 2**stage
            stride = 2 if stage and not block else 1
            layers.append(Bottleneck(inputs, own, momentum, stride, not block))
            inputs = 4 * own
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(settings["dropout"]),
        nn.Linear(inputs, 1),
        nn.BatchNorm1d(1, eps=1e-3, momentum=1 - momentum),
    )


class Peer:
    """The detector and its optimizer, on one batch of images."""

    def __init__(self, settings, size, images, memory_format, autocast):
        del size
        self.autocast = autocast
        self.detector = build_detector(settings).to(memory_format=memory_format)
        self.optimizer = torch.optim.SGD(
            self.detector.parameters(),
            settings["learning_rate"],
            momentum=settings["momentum"],
        )
        self.images = images["image"].to(memory_format=memory_format)
        self.labels = images["label"]
        self.means = torch.tensor(MEANS)[:, None, None]
        self.memory_format = memory_format

    def parameters(self):
        """Numbers of the network."""
        return {"detector": numbers(self.detector.parameters())}

    def step(self):
        images = (self.images + 1) * 127.5 - self.means
        images = images.contiguous(memory_format=self.memory_format)
        with self.autocast():
            logits = self.detector(images)[:, 0].float()
            loss = functional.binary_cross_entropy_with_logits(logits, self.labels)
        update(self.optimizer, loss, self.detector.parameters())
        return float(loss.detach())
