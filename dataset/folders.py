"""Folders that a job fills: it can be stopped and continued, and overwrites nothing."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from dataset.file_systems import UserError, disk_errors, load_file_system, read_bytes

JOB = "unfinished.json"
# Flags that say how and where a program runs, not what it makes.
RUN_FLAGS = {"output_dir", "overwrite", "num_workers"}
RUN_FLAGS |= {"skip_bad_cases", "skip_bad_files"}


def claim_folder(
    output_dir: str,
    job: Mapping[str, Any],
    *,
    final: str,
    is_own: Callable[[str], Any],
    overwrite: bool = False,
) -> bool:
    """Makes a folder the place of one job's output, which can be killed and continued.

    The folder holds `unfinished.json` from now on; the job removes it as its last act,
    after it has written `final`, which repeats the job.

    Args:
      output_dir: a folder that is new, empty, or holds output of the same job.
      job: dict with at least `binary` and `settings`.
      final: name of the file that is written last.
      is_own: whether a file or folder of this name is the job's to remove.
      overwrite: whether the output of another job may be removed.

    Returns:
      Whether the job is finished already.

    Raises:
      UserError: the folder holds something else.
    """
    load_file_system(output_dir)
    path = os.path.join(output_dir, JOB)
    names = []
    if tf.io.gfile.exists(output_dir):
        if not tf.io.gfile.isdir(output_dir):
            raise UserError(f"{output_dir}: a file, expected a folder.")
        names = [name.rstrip("/") for name in tf.io.gfile.listdir(output_dir)]
        # Killed at its very first write, this command left a part of that.
        begun = os.path.basename(path) + ".tmp"
        if begun in names and as_json(job).startswith(read_bytes(path + ".tmp")):
            names.remove(begun)
    # Asked for by name: a store that does not answer, or does not let its folders be
    # listed, has none according to the above, and what is there must not be lost.
    befores = {n: _read_if_there(os.path.join(output_dir, n)) for n in (JOB, final)}
    befores = {name: before for name, before in befores.items() if before}
    if names or befores:
        difference = "it holds other files"
        if befores:
            difference = _difference(next(iter(befores.values())), job)
        if not difference:
            return JOB not in befores
        if not overwrite:
            raise UserError(
                f"{output_dir}: not empty, and not from this command"
                f" ({difference}); give another folder or --overwrite."
            )
        # Without its last file the folder counts as unfinished, should this stop here.
        own = filter(is_own, {*names, *befores})
        for name in sorted(own, key=lambda name: name != final):
            _remove(os.path.join(output_dir, name))
    with disk_errors(output_dir):
        tf.io.gfile.makedirs(output_dir)
    write_json(path, job)
    return False


def release_folder(output_dir: str) -> None:
    """Ends what `claim_folder` began: the output is complete."""
    with disk_errors(output_dir):
        tf.io.gfile.remove(os.path.join(output_dir, JOB))


def _read_if_there(path):
    try:
        return read_json(path)
    except tf.errors.NotFoundError:
        return None


def _remove(path):
    with disk_errors(path):
        if tf.io.gfile.isdir(path):
            tf.io.gfile.rmtree(path)
        else:
            tf.io.gfile.remove(path)


def _difference(before, job):
    """The first thing in which two jobs differ, in words; empty if nothing does."""
    # What another version began, this one finishes; its output says which wrote it.
    for key in sorted(job.keys() - {"settings", "project_version"}):
        if before.get(key) != job[key]:
            return f"{key} was {before.get(key)!r}, is {job[key]!r}"
    old, new = before.get("settings", {}), job["settings"]
    for key in sorted({*old, *new} - {*RUN_FLAGS}):
        if old.get(key) != new.get(key):
            return f"--{key} was {old.get(key)!r}, is {new.get(key)!r}"
    return ""


def write_json(path: str, content: Any) -> None:
    """Writes `content` as JSON, so that a reader sees all of it or nothing."""
    write_bytes(path, as_json(content))


def as_json(content: Any) -> bytes:
    """The content of a file of JSON."""
    return (json.dumps(content, indent=1) + "\n").encode()


def write_text(path: str, text: str) -> None:
    """Writes a file of text, so that a reader sees all of it or nothing."""
    write_bytes(path, text.encode())


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file, so that a reader sees all of it or nothing."""
    with disk_errors(path):
        with tf.io.gfile.GFile(path + ".tmp", "wb") as file:
            file.write(content)
        tf.io.gfile.rename(path + ".tmp", path, overwrite=True)


def variables_sha256(saved_model: str) -> str:
    """SHA-256 of a SavedModel's weights, however often they are exported."""
    pattern = os.path.join(saved_model, "variables", "variables.data-*")
    digests = map(file_sha256, sorted(tf.io.gfile.glob(pattern)))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read_json(path: str) -> Any:
    """Reads a file of JSON that a program of ours wrote."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise UserError(
            f"{path}: damaged ({error}); remove it to start over."
        ) from error


def write_csv(path: str, header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> None:
    """Writes a table, so that a reader sees all of it or nothing."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())


def check_file(path: str, thing: str) -> None:
    """Refuses a path that is no file or an empty one, of `thing`, "an image"."""
    if os.path.isdir(path):
        raise UserError(f"{path}: a folder, expected the file of {thing}.")
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such file.")
    if not os.path.getsize(path):
        raise UserError(f"{path}: empty file (0 bytes), expected {thing}.")


def check_new(path: str, flag: str, overwrite: bool) -> None:
    """Refuses to replace results unless `--overwrite` is given.

    Args:
      path: the file that would be replaced.
      flag: that names it or its folder, such as `--output_dir=table`.
      overwrite: the value of `--overwrite`.

    Raises:
      UserError: the file exists.
    """
    if os.path.exists(path) and not overwrite:
        raise UserError(
            f"{flag}: {path} exists; give another name, or --overwrite to replace it."
        )


def read_csv(path: str, flag: str) -> tuple[set[str], list[tuple[str, dict[str, str]]]]:
    """Reads a table that a person wrote.

    Returns:
      The set of its columns, and of each row where it is, for people, and a dict.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            lines = [(f"--{flag}={path}, line {rows.line_num}", row) for row in rows]
            return set(rows.fieldnames or ()), lines
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--{flag}={path}: cannot be read ({error}).") from error


def file_sha256(path: str) -> str:
    """SHA-256 of a file's content, lower-case hex."""
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def keras_models_folder() -> str:
    """Where Keras keeps the weights that it downloads, in either lane."""
    home = os.path.join(os.path.expanduser("~"), ".keras")
    return os.path.join(os.environ.get("KERAS_HOME", home), "models")
