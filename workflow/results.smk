"""Rules that make the results; see `Snakefile`."""

def table_rows(share):
    """Rows of a share's table with the predictions of a run each: of every fold a file.

    Yields:
      Name of the row, with the chain if that is not 0, and list of paths.
    """
    for classifier in CLASSIFIERS:
        for mix in [*MIXES, *(mix + CONTROL for mix in CONTROLS)]:
            for chain, seed in CHAINS.items():
                name = f"{classifier}/{mix}" + f"@chain-{seed}" * bool(seed)
                prefixes = [division + share + chain for division in DIVISIONS]
                folds = [runs(classifier, mix, prefix) for prefix in prefixes]
                for run in zip(*folds):
                    yield name, [f"{folder}/predictions.csv" for folder in run]


def prediction_files():
    """The predictions that the tables have."""
    return [p for share in SHARES for _, paths in table_rows(share) for p in paths]


rule leaks:
    input:
        flagfile("dataset_verify"),
        prediction_files(),
    output:
        touch(VERIFIED),
    params:
        run_dirs=",".join(map(os.path.dirname, prediction_files())),
    benchmark:
        cost("leaks")
    threads: THREADS["other"]
    shell:
        call(
            "check that no tested patient was learned from",
            "dataset.verify",
            "--experiment_dir=. --run_dirs={params.run_dirs}",
        )


rule table:
    input:
        flagfile("evaluation_table"),
        lambda wildcards: [p for _, ps in table_rows(wildcards.share) for p in ps],
        VERIFIED,
    output:
        "{share}table/table.json",
    params:
        rows=lambda wildcards: " ".join(
            f"--rows={row}={','.join(paths)}"
            for row, paths in table_rows(wildcards.share)
        ),
        controls=" ".join(
            f"--controls={classifier}/{mix}={classifier}/{mix}{CONTROL}"
            for classifier in CLASSIFIERS
            for mix in CONTROLS
        ),
    benchmark:
        cost("{share}table")
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.share}table of results",
            "evaluation.table",
            "{params.rows} {params.controls}"
            " --output_dir={wildcards.share}table --overwrite",
        )


def curve_points():
    """By folder of a share's table, the reports of its training patients."""
    return {
        f"{share}table": [f"{division}{share}real/report.json" for division in DIVISIONS]
        for share in SHARES
    }


rule learning_curve:
    input:
        flagfile("evaluation_learning_curve"),
        [f"{folder}/table.json" for folder in curve_points()],
    output:
        "learning_curve/learning_curve.json",
    params:
        points=" ".join(
            f"--points={folder}={','.join(reports)}"
            for folder, reports in curve_points().items()
        ),
    benchmark:
        cost("learning_curve")
    threads: THREADS["other"]
    shell:
        call(
            "learning curve",
            "evaluation.learning_curve",
            "{params.points} --output_dir=learning_curve --overwrite",
        )


def used_sources():
    """Names of the sets of generated and refined images that mixes consist of."""
    made = GENERATED | {*REFINERS}
    return sorted(made & {source for mix in MIXES.values() for source in mix})


def panels():
    """Those, after the classically augmented ones of figure 7(a) if a mix has them."""
    return ["classic"] * any("classic" in mix for mix in MIXES.values()) + used_sources()


def files_of(sources, prefix):
    folders = [source_folders(name, prefix) for name in sources]
    return manifests(sum(folders, []))


def rows_of(sources, prefix):
    return " ".join(
        f"--synthetic_dirs={name}={','.join(source_folders(name, prefix))}"
        for name in sources
    )


rule quality:
    input:
        flagfile("evaluation_quality"),
        real_manifests(SOURCES["real"]),
        lambda wildcards: files_of(used_sources(), wildcards.prefix),
    output:
        "{prefix}quality/quality.json",
    params:
        real_dirs=lambda wildcards: ",".join(real(SOURCES["real"])(wildcards)),
        held_out_dirs=lambda wildcards: ",".join(real(VALIDATION + TEST)(wildcards)),
        rows=lambda wildcards: rows_of(used_sources(), wildcards.prefix),
    benchmark:
        cost("{prefix}quality")
    priority: LATER
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "{wildcards.prefix}quality of the generated images",
            "evaluation.quality",
            "--real_dirs={params.real_dirs} --held_out_dirs={params.held_out_dirs}"
            " {params.rows} --output_dir={wildcards.prefix}quality --overwrite",
            gpu=True,
        )


rule tsne:
    input:
        flagfile("evaluation_tsne"),
        real_manifests(SOURCES["real"]),
        lambda wildcards: files_of(panels(), wildcards.prefix),
    output:
        "{prefix}tsne/tsne.json",
    params:
        real_dirs=lambda wildcards: ",".join(real(SOURCES["real"])(wildcards)),
        rows=lambda wildcards: rows_of(panels(), wildcards.prefix),
    benchmark:
        cost("{prefix}tsne")
    priority: LATER
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.prefix}figure of all images side by side",
            "evaluation.tsne",
            "--real_dirs={params.real_dirs} {params.rows}"
            " --output_dir={wildcards.prefix}tsne --overwrite",
        )


def results():
    files = ["table/table.json"]
    if len(SHARES) > 1:
        files.append("learning_curve/learning_curve.json")
    if used_sources():
        files += [f"{prefix}quality/quality.json" for prefix in WHOLE]
    if panels():
        files += [f"{prefix}tsne/tsne.json" for prefix in WHOLE]
    return files


rule report:
    input:
        flagfile("evaluation_report"),
        results(),
    output:
        "report.html",
    benchmark:
        cost("report")
    threads: THREADS["other"]
    shell:
        call(
            "report",
            "evaluation.report",
            "--experiment_dir=. --output_html={output} --overwrite",
        )
