"""Makes one page of an experiment: tables, figures, curves, settings and digests.

    python -m evaluation.report --experiment_dir=experiment --output_html=report.html

The page is one file that opens from disk: pictures are within it, and it asks nothing
of any server. What the experiment lacks is left out, and listed. It shows images of
patients where the experiment does.
"""

from dataset.shards import UserError
from evaluation.page.report import write_report
from flags import binary
from flags import report as report_flags


def main(settings):
    print(write_report(**settings))


def run():
    binary.run(main, report_flags.define_report, UserError)


if __name__ == "__main__":
    run()
