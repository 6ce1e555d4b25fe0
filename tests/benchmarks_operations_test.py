"""Operations counted from graphs are those that one counts by hand."""

import itertools

import keras
import pytest
import tensorflow as tf

from benchmarks import graphs, operations, step_graphs
from benchmarks.experiment import Experiment
from benchmarks.graphs import count_operations, trace
from pggan import networks
from training import checkpoints, lanes

IMAGES = tf.TensorSpec([2, 8, 8, 3])
CONV = 2 * (2 * 8 * 8 * 5) * (3 * 3 * 3)  # Two operations per multiply-add.


@pytest.fixture
def conv():
    layer = keras.layers.Conv2D(5, 3, padding="same", use_bias=False)
    layer.build(IMAGES.shape)
    return layer


def test_convolution_is_two_operations_per_multiply_add(conv):
    assert count_operations(trace(conv, IMAGES)) == CONV


def test_strided_convolution_and_its_gradients_count_what_is_computed():
    conv = keras.layers.Conv2D(5, 4, strides=2, padding="same", use_bias=False)
    conv.build(IMAGES.shape)
    forward = 2 * (2 * 4 * 4 * 5) * (4 * 4 * 3)
    assert count_operations(trace(conv, IMAGES)) == forward
    assert count_operations(trace(gradients_of(conv), IMAGES)) == 2 * forward


def test_dense_layer_is_a_matrix_product():
    dense = keras.layers.Dense(7, use_bias=False)
    dense.build([4, 11])
    assert count_operations(trace(dense, tf.TensorSpec([4, 11]))) == 2 * 4 * 11 * 7


def step_of(layer):
    """A layer's output, and its gradients to the images and to the kernel."""

    def step(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images)
        seeds = tf.ones_like(outputs)
        return outputs, *tape.gradient(outputs, [images, layer.kernel], seeds)

    return step


def gradients_of(layer):
    """The gradients alone, which need no forward pass."""
    return lambda images: step_of(layer)(images)[1:]


def test_forward_and_backward_are_three_times_forward(conv):
    assert count_operations(trace(step_of(conv), IMAGES)) == 3 * CONV


def test_gradient_that_nobody_uses_is_not_counted(conv):
    """The tape writes it down all the same; the profiler would count it."""

    def gradient_of_images(images):
        return gradients_of(conv)(images)[0]

    assert count_operations(trace(gradient_of_images, IMAGES)) == CONV


def test_functions_within_functions_count(conv):
    assert count_operations(trace(tf.function(conv), IMAGES)) == CONV


def test_unknown_shape_is_refused(conv):
    function = trace(conv, tf.TensorSpec([None, 8, 8, 3]))
    with pytest.raises(ValueError, match="expected known shapes"):
        count_operations(function)


def test_convolution_in_a_loop_is_refused(conv):
    def loop(images):
        spec = tf.TensorSpec([1, 8, 8, 5])
        return tf.map_fn(lambda x: conv(x[None]), images, fn_output_signature=spec)

    with pytest.raises(ValueError, match="not counted within the function"):
        count_operations(trace(loop, IMAGES))


def test_pggan_generator_at_8px_is_counted_as_by_hand():
    generators = networks.build_generators(8, latent_size=6, fmap_base=16, fmap_max=8)
    images = 3
    specs = [tf.TensorSpec([images, 6]), tf.TensorSpec([images])]
    counts = graphs.operations_by_type(trace(generators["8px"], specs))
    dense = 6 * (4 * 4 * 8)
    at_4px = 4 * 4 * (3 * 3 * 8 * 8 + 8 * 1)  # A convolution, and to grey.
    at_8px = 8 * 8 * (3 * 3 * 8 * 4 + 3 * 3 * 4 * 4 + 4 * 1)
    assert counts["MatMul"] == 2 * images * dense
    assert counts["Conv2D"] == 2 * images * (at_4px + at_8px)


@pytest.fixture(scope="module")
def pggan():
    settings = step_graphs.read_settings(
        "flags/demo/pggan_train.cfg",
        *("--resolution=8", "--fmap_base=16", "--batch_size=4", "--stddev_group=4"),
        *("--num_epochs=1", "--latent_size=6"),
    )
    return step_graphs.pggan_training(settings, [40, 80])


def test_pggan_training_has_the_phases_of_all_classes(pggan):
    # An epoch in three phases: 13.3 and 26.7 images each, in whole batches of 4.
    assert [(c.name, c.number) for c in pggan] == [("4 px", 3 + 7), ("8 px", 6 + 14)]


def test_training_step_holds_every_pass_through_both_networks(pggan):
    """By hand, at 4 px: D's two dense layers, after the convolutions, and G's one."""
    maps, top, images = 8, 16, 4
    counts = graphs.operations_by_type(pggan[0].trace())
    first = 2 * images * (16 * maps) * top
    last = 2 * images * top
    latents = 2 * images * 6 * (16 * maps)
    # Of D's update. Scores of mixed images are not used, only what leads to them; and
    # the last layer's gradient of them is constant. The penalty's own gradient goes
    # back through it, and through the mixed images' forward pass.
    forward, penalty = 3 * first + 2 * last, first + last
    scores = 2 * 2 * (first + last)  # Real and fake; to weights and to inputs.
    penalty_gradient = (2 * first + last) + 2 * first
    # Of G's update: forward, and back to D's inputs, not to its weights.
    through_discriminator = 2 * (first + last)
    generator = 3 * latents  # Forward twice, to weights once, never to z.
    whole = forward + penalty + scores + penalty_gradient
    assert counts["MatMul"] == whole + through_discriminator + generator


def test_checkpoint_holds_the_bytes_that_are_counted(pggan, tmp_path):
    model = pggan[0].model
    path = lanes.checkpoint(model=model).write(str(tmp_path / "step"))
    reader = tf.train.load_checkpoint(path)
    types = reader.get_variable_to_dtype_map()
    written = sum(
        tf.TensorShape(shape).num_elements() * types[name].size
        for name, shape in reader.get_variable_to_shape_map().items()
        if types[name] != tf.string
    )
    assert checkpoints.num_bytes(model) == written


def test_gpu_takes_operations_over_its_share_of_the_peak():
    gpu = operations.GPU.parse("some GPU, float32=10*0.5")
    assert gpu.name == "some GPU, float32"
    assert gpu.hours(5e12 * 3600) == 1.0


def test_folds_and_seeds_of_the_chain_repeat_steps():
    configuration = {"flags": "demo", "folds": 3, "chain_seeds": [0, 1]}
    sizes = {"class_sizes": [40, 80], "validation_images": 4, "test_images": 6}
    experiment = Experiment(configuration, **sizes, image_bytes=lambda size: 10.0)
    prepare, pggan = itertools.islice(experiment.steps(), 2)
    assert (prepare.runs, prepare.disk) == (3, 3 * 130 * 10.0)
    once = experiment.pggan_training("pggan_train")
    assert pggan.runs == 3 * 2 * 2 and pggan.images == 6 * once.images
    assert pggan.disk == 6 * once.disk
