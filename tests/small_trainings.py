"""Settings of trainings that take seconds, and their shard sets."""

import collections

import project

Training = collections.namedtuple("Training", "binary settings write_data")

COMMON = {"deterministic": True, "checkpoint_minutes": 0.0, "log_steps": 2}

# Steps of the phases: 4 px 1-3, 8 px fading 4-6, 8 px 7-10.
PGGAN = {
    **COMMON,
    "resolution": 8,
    "num_epochs": 0.0,
    "stabilize_kimg": ["0.012", "0.016"],
    "fade_kimg": ["0.012"],
    "batch_size": 4,
    "stddev_group": 4,
    "latent_size": 8,
    "fmap_base": 32,
    "fmap_max": 8,
    "distance_kimg": 0.0,  # As a training says that measures nothing.
}
# 4 px 1-5, 8 px fading 6-10, 8 px to 30; measured every 2 steps. It takes 20 steps:
# five images are so few that nothing is a fall.
PGGAN_FLAT = {
    **PGGAN,
    "stabilize_kimg": ["0.02", "0.08"],
    "fade_kimg": ["0.02"],
    "log_steps": 50,
    "distance_kimg": 0.008,
    "stop_when_flat": 0.03,
}
UNIT = {
    **COMMON,
    "base_maps": 2,
    "discriminator_scales": 2,
    "num_images": 5,
    "num_steps": 3,
    "keep_steps": ["1", "2"],
    "halving_steps": 2,
    "learning_rate": 0.01,
    "sample_steps": 2,
}
MUNIT = {**UNIT, "style_size": 2, "mlp_units": 4, "cycle_weight": 10.0}
# Steps of the phases: refiner 1-2, discriminator 3-4, both 5-7.
SIMGAN = {
    **COMMON,
    "num_blocks": 1,
    "base_maps": 2,
    "num_images": 5,
    "num_steps": 7,
    "pretrain_refiner_steps": 2,
    "pretrain_discriminator_steps": 2,
    "batch_size": 2,
    "history_size": 3,
    "keep_steps": ["4"],
    "halving_steps": 4,
    "learning_rate": 0.01,
    "sample_steps": 5,
}
# 24 images in batches of 8: 3 steps per epoch, 9 in all.
CLASSIFIER = {
    **COMMON,
    "image_size": 32,
    "blocks": [1, 1, 1, 1],
    "base_maps": 16,
    "batch_size": 8,
    "max_epochs": 3,
    "batch_norm_momentum": 0.5,
}


def write_parts(folder, write_images):
    """Small tumor images of two patients, and of another for validation."""
    parts = {"data_dir": ("a", "b"), "validation_dir": ("c",)}
    return {
        flag: write_images(folder / flag, 1, patients, images=5, size=8).directory
        for flag, patients in parts.items()
    }


def write_tumors(folder, write_images):
    return {**write_parts(folder, write_images), "validation_dir": None}


def write_domains(folder, write_images):
    """Synthetic images, and real ones that are smaller."""
    synthetic = write_images(folder / "synthetic", 1, images=3, size=32)
    real = write_images(folder / "real", 1, images=4, size=30)
    return {"synthetic_dir": synthetic.directory, "real_dir": real.directory}


def write_classes(folder, write_images):
    """Images of both classes, of patients of their own for training and validation."""
    return {
        f"{part}_dirs": [
            write_images(folder / f"{part}{label}", label, patients).directory
            for label in (0, 1)
        ]
        for part, patients in [("train", ("a", "b", "c")), ("validation", ("d",))]
    }


TRAININGS = {
    "pggan": Training("pggan.train", PGGAN, write_tumors),
    "pggan_flat": Training("pggan.train", PGGAN_FLAT, write_parts),
    "unit": Training("unit.train", UNIT, write_domains),
    "munit": Training("munit.train", MUNIT, write_domains),
    "simgan": Training("simgan.train", SIMGAN, write_domains),
    "classifier": Training("classifier.train", CLASSIFIER, write_classes),
}


def assert_every_trainer_in(names):
    """Of those of `TRAININGS` that a test takes."""
    trainers = {binary for binary in project.BINARIES if binary.endswith(".train")}
    assert {TRAININGS[name].binary for name in names} == trainers
