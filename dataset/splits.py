"""Who belongs together, and who goes to which part: patients are never divided.

The same patient occurs in several releases of BraTS under other names, and in one
release at several times. Neither may put a patient into training and test at once.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from dataset import folds
from dataset.curation import TUMOR
from dataset.errors import UserError

PARTS = ("train", "validation", "test")
UNUSED = "none: --training_share"  # In place of `train`.
ROWS = 64
BLOCK = 8  # mm; coarse enough for two registrations of one scan to agree


def fingerprint(image, brain):
    """What tells a brain from others: its pattern of light and dark, coarsely.

    Means of blocks of 8 mm, less their surroundings (Gaussian, 16 mm), so that neither
    the shape that all heads share nor a bias field or another contrast counts.

    Args:
      image: float32 [slices, rows, columns].
      brain: bool [slices, rows, columns].

    Returns:
      int8 [blocks], 0 where a block is not wholly brain.
    """
    low, high = np.percentile(image[brain], (0.5, 99.5))
    scaled = np.where(brain, np.clip((image - low) / (high - low), 0, 1), 0)
    share = _block_means(brain.astype(np.float32))
    inside = share > 0.9
    values = np.where(inside, _block_means(scaled) / np.maximum(share, 0.9), 0)
    weights = ndimage.gaussian_filter(inside.astype(np.float32), 2)
    around = ndimage.gaussian_filter(values, 2) / np.maximum(weights, 1e-3)
    detail = np.where(inside, values - around, 0)
    return detail_levels(detail, detail[inside].std() if inside.any() else 0)


def detail_levels(detail, spread):
    """Differences from the surroundings as int8 [blocks], 63 for two deviations."""
    clipped = np.clip(detail / max(spread, 1e-6), -2, 2)
    return np.round(63 * clipped).astype(np.int8).ravel()


def _block_means(volume):
    sizes = [size // BLOCK for size in volume.shape]
    whole = volume[tuple(slice(size * BLOCK) for size in sizes)]
    shape = [n for size in sizes for n in (size, BLOCK)]
    return whole.reshape(shape).mean((1, 3, 5))


def similar_pairs(fingerprints, threshold):
    """Pairs (first, second, correlation), first < second, of one patient by the looks.

    Args:
      fingerprints: int8 [volumes, blocks].
      threshold: correlation from which two are taken for the same.
    """
    units = np.asarray(fingerprints, np.float32)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-6)
    pairs = []
    for start in range(0, len(units), ROWS):  # Never the square of all volumes at once.
        correlations = units[start : start + ROWS] @ units[start:].T
        alike = np.triu(correlations >= threshold, 1)
        for row, column in np.argwhere(alike):
            value = round(float(correlations[row, column]), 3)
            pairs.append((start + int(row), start + int(column), value))
    return pairs


def similar_cases(cases, threshold):
    """`similar_pairs` of `cases.ReadCase`s, of which any two fingerprints may agree."""
    fingerprints = [case.fingerprints() for case in cases]
    owners = np.repeat(np.arange(len(cases)), [len(own) for own in fingerprints])
    highest = {}
    for i, j, value in similar_pairs(np.concatenate(fingerprints), threshold):
        pair = int(owners[i]), int(owners[j])
        if pair[0] != pair[1]:
            highest[pair] = max(value, highest.get(pair, value))
    return [(*pair, value) for pair, value in sorted(highest.items())]


def group_cases(patients, pairs):
    """Groups of cases that belong to one patient.

    Args:
      patients: a patient's name for each case.
      pairs: (first, second, ...) of cases that are of one patient as well.

    Returns:
      Lists of case numbers, each in order, in the order of their first.
    """
    group_of = list(range(len(patients)))

    def root(case):
        while group_of[case] != case:
            case = group_of[case]
        return case

    first_of = {}
    links = [(first_of.setdefault(p, i), i) for i, p in enumerate(patients)]
    for first, second, *_ in [*links, *pairs]:
        low, high = sorted((root(first), root(second)))
        group_of[high] = low
    groups = {}
    for case in range(len(patients)):
        groups.setdefault(root(case), []).append(case)
    return list(groups.values())


def parse_split(split):
    """Three floats of three strings: numbers of patients, or fractions.

    Raises:
      UserError: they are neither.
    """
    given = f"--split={','.join(split)}"
    try:
        numbers = [float(number) for number in split]
    except ValueError:
        numbers = []
    if len(numbers) != len(PARTS) or not all(0 <= n < np.inf for n in numbers):
        raise UserError(f"{given}: expected three numbers, for {', '.join(PARTS)}.")
    if abs(sum(numbers) - 1) > 1e-6 and any(n != int(n) for n in numbers):
        raise UserError(
            f"{given}: sums to {sum(numbers):g}; expected 1, or whole numbers of"
            " patients."
        )
    return numbers


def part_sizes(split, num_patients):
    """How many patients each part gets, three ints.

    A part that was given a fraction above 0 has one patient at least.

    Args:
      split: see `parse_split`.
      num_patients: of all parts together.

    Raises:
      UserError: the numbers do not fit.
    """
    given = f"--split={','.join(split)}"
    numbers = parse_split(split)
    if sum(numbers) == num_patients and all(n == int(n) for n in numbers):
        return [int(n) for n in numbers]
    if abs(sum(numbers) - 1) > 1e-6:
        raise UserError(
            f"{given}: sums to {sum(numbers):g}; expected {num_patients}, the number of"
            " patients, or fractions that sum to 1."
        )
    if num_patients < np.count_nonzero(numbers):
        raise UserError(
            f"{given}: {num_patients} patients for {np.count_nonzero(numbers)} parts;"
            " expected one patient each at least."
        )
    exact = np.array(numbers) * num_patients
    sizes = np.maximum(np.floor(exact + 1e-6), np.array(numbers) > 0).astype(int)
    while sizes.sum() != num_patients:
        step = 1 if sizes.sum() < num_patients else -1
        # The part that is furthest from its share, of those that can give or take.
        able = (exact > 0) & ((step > 0) | (sizes > 1))
        sizes[np.where(able, step * (exact - sizes), -np.inf).argmax()] += step
    return sizes.tolist()


def assign_parts(num_patients, sizes, seed):
    """The part of each patient: a list of names, random but for the seed."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(num_patients)
    parts = np.empty(num_patients, int)
    parts[order] = np.repeat(np.arange(len(PARTS)), sizes)
    return [PARTS[part] for part in parts]


@dataclasses.dataclass(frozen=True)
class Division:
    """Which cases go to which part, under which patient's name.

    Attributes:
      parts: {part: [(case, patient), ...]}, parts without patients left out.
      copies: {case name: name of the case that it is a copy of}; in no part.
      similar: (case name, case name, correlation) of those taken for one patient.
      patients: {patient: [case names]} of patients with several cases.
      unused: [(case, patient), ...] of the training patients beyond the share.
    """

    parts: dict
    copies: dict
    similar: list
    patients: dict
    unused: list


def patient_parts(
    tumor_slices, *, split, seed, num_folds=1, fold=0, training_share=1.0
):
    """The part of each patient, one of `PARTS` or `UNUSED`: {patient: part}.

    The first argument is {patient: number of tumor slices}; the others are the flags.

    Raises:
      UserError: `split` or `num_folds` does not fit the number of patients.
    """
    if num_folds == 1:
        sizes = part_sizes(split, len(tumor_slices))
        parts = assign_parts(len(tumor_slices), sizes, seed)
        part_of = dict(zip(tumor_slices, parts))
    else:
        train, validation, _ = parse_split(split)
        part_of = folds.fold_parts(
            tumor_slices,
            train=train,
            validation=validation,
            num_folds=num_folds,
            fold=fold,
            seed=seed,
        )
    trained = {patient for patient, part in part_of.items() if part == PARTS[0]}
    used = folds.patients_of_share(trained, training_share, [seed, fold])
    return part_of | dict.fromkeys(trained - used, UNUSED)


def divide(cases, *, duplicate_correlation, **options):
    """The `Division` of `cases.ReadCase`s by patient.

    Args:
      cases: list of them.
      duplicate_correlation: as the flag.
      **options: flags, as of `patient_parts`, and its errors.
    """
    originals, copies = {}, {}
    for case in cases:
        original = originals.setdefault(case.digest(), case)
        if original is not case:
            copies[case.case.name] = original.case.name
    kept = list(originals.values())
    names = [case.case.name for case in kept]
    pairs = similar_cases(kept, duplicate_correlation)
    groups = group_cases([case.case.patient for case in kept], pairs)
    counts = [case.group_counts()[TUMOR] for case in kept]
    tumor_slices = {names[g[0]]: sum(counts[i] for i in g) for g in groups}
    part_of = patient_parts(tumor_slices, **options)
    parts = {part: [] for part in (*PARTS, UNUSED) if part in part_of.values()}
    for group in groups:
        patient = names[group[0]]
        parts[part_of[patient]] += [(kept[i], patient) for i in group]
    unused = parts.pop(UNUSED, [])
    return Division(
        parts=parts,
        copies=copies,
        similar=[(names[i], names[j], value) for i, j, value in pairs],
        patients={names[g[0]]: [names[i] for i in g] for g in groups if len(g) > 1},
        unused=unused,
    )
