"""The training step of SimGAN (Shrivastava et al., 2017, algorithm 1)."""

import keras
import tensorflow as tf

from gan.optimizers import HalvedLearningRate
from refiners.model import RefinerModel
from simgan import losses, networks, schedule
from simgan.history import History
from training.input import image_seed
from training.model import optimizer_for_precision

HISTORY = 101  # Stream of random numbers; one more for each update of a step.


class SimGAN(RefinerModel):
    """Refiner, discriminator and the history of refined images.

    Args:
      image_size: height and width of the images, in pixels.
      num_steps, pretrain_refiner_steps, pretrain_discriminator_steps, refiner_updates,
        discriminator_updates: see `schedule.phases`.
      architecture, num_blocks, base_maps, block_kernel_size, output_activation,
        block_scale: see `networks`.
      batch_norm_momentum: of the moving averages of batch norm.
      learning_rate, halving_steps, num_halvings: of both SGD optimizers, see
        `gan.optimizers.HalvedLearningRate`.
      refiner_rate_factor: what the refiner's rate is multiplied by in the main part.
      loss_reduction: a key of `losses.REDUCTIONS`.
      regularization_weight: weight of `losses.regularization_loss`; None for that of
        `losses.REGULARIZATION_WEIGHTS`.
      history_size: see `history.History`.
      synchronized: whether batch norm is over all replicas' images together; by default
        if there are several.
      seed, batch_size: see `SteppedModel`.
    """

    def __init__(
        self,
        *,
        image_size,
        num_steps,
        pretrain_refiner_steps,
        pretrain_discriminator_steps,
        refiner_updates,
        discriminator_updates,
        architecture,
        num_blocks,
        base_maps,
        block_kernel_size,
        output_activation,
        block_scale,
        batch_norm_momentum,
        learning_rate,
        halving_steps,
        num_halvings,
        refiner_rate_factor,
        loss_reduction,
        regularization_weight,
        history_size,
        synchronized=None,
        **kwargs,
    ):
        names = ("regularization_loss", "adversarial_loss", "discriminator_loss")
        networks.check_size(image_size, architecture)
        super().__init__(loss_names=names, num_steps=num_steps, **kwargs)
        self.phases = schedule.phases(
            num_steps,
            pretrain_refiner_steps=pretrain_refiner_steps,
            pretrain_discriminator_steps=pretrain_discriminator_steps,
            refiner_updates=refiner_updates,
            discriminator_updates=discriminator_updates,
        )
        if synchronized is None:
            # One replica has the whole batch; the stock layer is then faster.
            synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
        norm = {"momentum": batch_norm_momentum, "synchronized": synchronized}
        self.refiner = networks.build_refiner(
            image_size,
            architecture=architecture,
            num_blocks=num_blocks,
            base_maps=base_maps,
            block_kernel_size=block_kernel_size,
            output_activation=output_activation,
            block_scale=block_scale,
            **norm,
        )
        self.discriminator = networks.build_discriminator(
            image_size, architecture=architecture, base_maps=base_maps, **norm
        )
        self.history_buffer = History(history_size, image_size, self.batch_size)
        self.reduce = losses.REDUCTIONS[loss_reduction]
        if regularization_weight is None:
            regularization_weight = losses.REGULARIZATION_WEIGHTS[loss_reduction]
        self.regularization_weight = regularization_weight
        self.refiner_rate_factor = refiner_rate_factor
        self.phase = None
        self.schedule = HalvedLearningRate(
            self.step, learning_rate, halving_steps, num_halvings
        )
        self.refiner_optimizer = _sgd(self.schedule, self.refiner)
        self.discriminator_optimizer = _sgd(self.schedule, self.discriminator)

    def describe(self):
        patches = self.discriminator.output_shape[1]
        return {
            "parameters of the refiner": f"{self.refiner.count_params():,}",
            "parameters of the discriminator": f"{self.discriminator.count_params():,}",
            "patches": f"{patches}x{patches}",
            "regularization weight": f"{self.regularization_weight:g}",
            "phases": ", ".join(f"{p.name} to {p.stop:,}" for p in self.phases),
        }

    def picture_rows(self, synthetic_images, real_images):
        refined_images = self.refiner(synthetic_images, training=False)
        return synthetic_images, refined_images, real_images

    def start_phase(self, phase, **compile_options):
        self.phase = phase
        super().start_phase(phase, **compile_options)

    @staticmethod
    def step_batches(batches, phase):
        """A batch for each update: images float32 [images, updates, size, size, 1]."""

        def by_image(step):
            # The images of a step are divided among replicas along the first axis.
            # [updates, batch, size, size, 1] -> [batch, updates, size, size, 1]
            return {name: tf.transpose(x, [1, 0, 2, 3, 4]) for name, x in step.items()}

        steps = batches.batch(phase.updates, drop_remainder=True)
        return steps.map(by_image, num_parallel_calls=tf.data.AUTOTUNE)

    def describe_step(self, step):
        return {"phase": self.phase.name, **super().describe_step(step)}

    def train_step(self, batch):
        """The phase's updates of the refiner, then those of the discriminator.

        Args:
          batch: dict of `synthetic_images` and `real_images`, float32 [images, updates,
            size, size, 1] in [-1, 1].
        """
        for update in range(self.phase.updates):
            synthetic_images = batch["synthetic_images"][:, update]
            real_images = batch["real_images"][:, update]
            if update < self.phase.refiner_updates:
                self._update_refiner(synthetic_images, real_images)
            else:
                self._update_discriminator(synthetic_images, real_images, update)
        return self.end_step()

    def _update_refiner(self, synthetic_images, real_images):
        with tf.GradientTape() as tape:
            refined_images = self.refiner(synthetic_images, training=True)
            regularization = self.average(
                regularization_loss=losses.regularization_loss(
                    refined_images, synthetic_images, self.reduce
                )
            )
            loss = self.regularization_weight * regularization
            if self.phase.discriminator_updates:
                _, logits = self._judge(real_images, refined_images)
                loss += self.average(
                    adversarial_loss=losses.adversarial_loss(logits, self.reduce)
                )
                loss *= self.refiner_rate_factor  # SGD: as much as of its rate.
        variables = self.refiner.trainable_variables
        self.minimize(self.refiner_optimizer, tape, loss, variables)

    def _update_discriminator(self, synthetic_images, real_images, update):
        refined_images = self.refiner(synthetic_images, training=True)
        seed = image_seed(self.seed, self.step, HISTORY + update)
        refined_images = self.history_buffer.exchange(refined_images, seed)
        with tf.GradientTape() as tape:
            logits = self._judge(real_images, refined_images)
            loss = self.average(
                discriminator_loss=losses.discriminator_loss(*logits, self.reduce)
            )
        variables = self.discriminator.trainable_variables
        self.minimize(self.discriminator_optimizer, tape, loss, variables)

    def _judge(self, real_images, refined_images):
        """Logits of real and of refined images, judged in one batch.

        Batch norm then measures both by one scale. Of batches of one kind it would
        remove the very mean and contrast in which they differ; and the refiner would
        be judged by another scale than the discriminator learns with.
        """
        images = tf.concat([real_images, refined_images], axis=0)
        return tf.split(self.discriminator(images, training=True), 2)


def _sgd(learning_rate, network):
    sgd = optimizer_for_precision(keras.optimizers.SGD(learning_rate))
    sgd.build(network.trainable_variables)
    return sgd
