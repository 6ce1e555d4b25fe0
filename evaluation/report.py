"""Makes one page of an experiment: tables, figures, curves, settings and digests.

    python -m evaluation.report --experiment_dir=experiment --output_html=report.html

The page is one file that opens from disk: pictures are within it, and it asks nothing
of any server. What the experiment lacks is left out, and listed. It shows images of
patients where the experiment does.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.report")

from evaluation.page.report import write_report


def main(settings):
    print(write_report(**settings))
