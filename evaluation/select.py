"""Selects the step at which a refiner is best for the detector, on validation images.

    python -m evaluation.select --candidates=20000=20k/predictions.csv
      --candidates=50000=50k/predictions.csv --output_json=unit/selection.json

As Han et al. (2019) do, section III-C: for each refiner the step, of 20,000, 50,000 and
100,000, with the highest validation accuracy of the pre-trained classifier that was
trained with classic DA and that step's images. Of equal ones, the fewest steps.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.select")

from evaluation.detection.selection import write_selection


def main(settings):
    print(write_selection(**settings))
