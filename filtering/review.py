"""Shows clusters of images, or borderline slices, on a local page to be decided about.

    python -m filtering.review --clusters_dir=clusters --decisions=decisions.jsonl

Open the printed address; keys are shown on the page. The same command continues.
"""

import getpass
import os

from dataset.shards import UserError
from filtering.cluster_review import ClusterReview
from filtering.clusters import Clusters
from filtering.review_page import create_page
from filtering.slice_review import SliceReview
from flags import binary
from flags import review as review_flags
from pages.server import serve


def show_review(*, clusters_dir, prepared_dir, decisions, verdicts_csv, reviewer, port):
    """Serves the page until Ctrl+C; arguments as the flags say."""
    if bool(clusters_dir) == bool(prepared_dir):
        raise UserError("Wanted one of --clusters_dir and --prepared_dir.")
    if bool(prepared_dir) != bool(verdicts_csv):
        raise UserError("Wanted --verdicts_csv with --prepared_dir, and only with it.")
    reviewer = reviewer or getpass.getuser()
    os.makedirs(os.path.dirname(decisions) or ".", exist_ok=True)
    if clusters_dir:
        review = ClusterReview(Clusters(clusters_dir), decisions, reviewer)
    else:
        review = SliceReview(prepared_dir, decisions, verdicts_csv, reviewer)
    serve(create_page(review), port, f"review {len(review)} {review.things}")
    print(f"{review.summary()} They are in {decisions}; the same command continues.")


def main(settings):
    show_review(**settings)


def run():
    binary.run(main, review_flags.define_review, UserError)


if __name__ == "__main__":
    run()
