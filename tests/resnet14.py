"""A smaller network of the same make, for tests that need no more."""

from keras.src.applications import resnet


def ResNet14(**kwargs):
    """`keras.applications.ResNet50` with one block per stage; even its name."""

    def stages(x):
        x = resnet.stack1(x, 64, 1, stride1=1, name="conv2")
        for maps, name in [(128, "conv3"), (256, "conv4"), (512, "conv5")]:
            x = resnet.stack1(x, maps, 1, name=name)
        return x

    return resnet.ResNet(stages, False, True, "resnet50", **kwargs)
