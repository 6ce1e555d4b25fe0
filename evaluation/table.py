"""Makes the table of results from predictions of the test images.

    python -m evaluation.table --rows=real=real/predictions.csv
      --rows=real+classic=classic/predictions.csv --output_dir=table

Rows of one name are runs of one setup and become their mean; paths that are joined by
commas are the folds of one run (docs/statistics.md). A classifier that calls every
image the same has learnt nothing, though its accuracy may look respectable: such a row
is flagged, has no numbers and is compared with nothing.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.table")

from evaluation.detection.table import write_table


def main(settings):
    print(write_table(**settings))
    folder = settings["output_dir"]
    number = len({row.partition("=")[0] for row in settings["rows"]})
    print(f"{folder}: rows: {number}; look at {folder}/table.md.")
