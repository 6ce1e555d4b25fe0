"""An experiment's folder with the notes that programs leave, but none of their work."""

import json
import shutil

import numpy as np
import shard_sets

from dataset.folders import file_sha256
from dataset.records import LABEL_NAMES, Record
from dataset.shards import ShardSet


class Folder:
    """An experiment's folder, filled as programs fill it: with digests of inputs."""

    def __init__(self, path):
        self.path = path
        self.draws = np.random.default_rng(0)

    def write_set(self, name, patients, inputs=(), **settings):
        records = [
            Record(self.draws.integers(0, 256, [8, 8], np.uint8), 1, f"{name}/{n}", p)
            for n, p in enumerate(patients)
        ]
        shutil.rmtree(self.path / name, ignore_errors=True)
        shard_sets.write(self.path / name, records, settings=settings)
        self._note(name, inputs)

    def _note(self, name, inputs):
        """Notes inputs as programs do that run in the folder, with its paths."""
        path = self.path / name / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["inputs"] = {folder: self.digest(folder) for folder in inputs}
        path.write_text(json.dumps(manifest))

    def digest(self, name):
        return ShardSet(self.path / name).digest

    def write_training(self, name, **flags):
        self.write_json(
            f"{name}/run.json",
            settings=flags,
            inputs={
                flag: [self.digest(f) for f in ([v] if isinstance(v, str) else v)]
                for flag, v in flags.items()
            },
        )

    def write_json(self, name, **content):
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(json.dumps(content))

    def write_csv(self, name, patients):
        lines = [
            "id,patient,label,probability",
            *(f"{p}/0,{p},1,0.5" for p in patients),
        ]
        (self.path / name).write_text("\n".join(lines) + "\n")

    def write_real(self, fold, parts, num_folds=3):
        for part, patients in parts.items():
            for label in LABEL_NAMES:
                self.write_set(f"{fold}/real/{part}/{label}", patients)
        self.write_json(f"{fold}/real/report.json", num_folds=num_folds)

    def write_fold(self, fold, parts):
        """One GAN's chain to one detector."""
        self.write_real(fold, parts)
        real = [f"{fold}/real/train/{label}" for label in LABEL_NAMES]
        self.write_training(f"{fold}/pggan/model", data_dir=real[0])
        generated, clusters = f"{fold}/pggan/images", f"{fold}/filtering/clusters"
        self.write_set(generated, [""], model_dir=f"{fold}/pggan/model")
        inputs = {path: self.digest(path) for path in (generated, real[0])}
        self.write_json(f"{clusters}/clusters.json", inputs=inputs)
        digest = file_sha256(str(self.path / clusters / "clusters.json"))
        kept = f"{fold}/filtering/images"
        self.write_set(kept, [""], [generated], clusters_sha256=digest)
        refiner = f"{fold}/unit/model"
        self.write_training(refiner, real_dir=real[0], synthetic_dir=kept)
        self.write_set(f"{fold}/unit/images", [""], [kept], model_dir=refiner)
        self.write_set(f"{fold}/classic", parts["train"], real)
        made = [f"{fold}/classic", f"{fold}/unit/images"]
        self.write_detector(fold, parts, [*real, *made])
        self.write_csv(f"{fold}/run/validation.csv", parts["validation"])
        source = f"{fold}/run/validation.csv"
        self.write_json(f"{fold}/unit/selection.json", inputs={source: "its digest"})

    def write_detector(self, fold, parts, train_dirs):
        self.write_training(
            f"{fold}/run/model",
            train_dirs=train_dirs,
            validation_dirs=[f"{fold}/real/validation/{x}" for x in LABEL_NAMES],
        )
        self.write_csv(f"{fold}/run/predictions.csv", parts["test"])
