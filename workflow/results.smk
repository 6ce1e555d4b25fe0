"""Rules that make the results; see `Snakefile`."""

def prediction_files():
    """By row of the table, the predictions of its runs."""
    return {
        f"{classifier}/{mix}": [
            f"{run}/predictions.csv" for run in runs(classifier, mix)
        ]
        for classifier in CLASSIFIERS
        for mix in [*MIXES, *(mix + CONTROL for mix in CONTROLS)]
    }


rule table:
    input:
        flagfile("evaluation_table"),
        sum(prediction_files().values(), []),
    output:
        "table/table.json",
    params:
        rows=" ".join(
            f"--rows={row}={path}"
            for row, paths in prediction_files().items()
            for path in paths
        ),
        controls=" ".join(
            f"--controls={classifier}/{mix}={classifier}/{mix}{CONTROL}"
            for classifier in CLASSIFIERS
            for mix in CONTROLS
        ),
    benchmark:
        cost("table")
    threads: THREADS["other"]
    shell:
        call(
            "table of results",
            "evaluation.table",
            "{params.rows} {params.controls} --output_dir=table --overwrite",
        )


def used_sources():
    """Names of the sets of generated and refined images that mixes consist of."""
    made = {"pggan", "pggan-undiscarded", *REFINERS}
    return sorted(made & {source for mix in MIXES.values() for source in mix})


def panels():
    """Those, after the classically augmented ones of figure 7(a) if a mix has them."""
    return ["classic"] * any("classic" in mix for mix in MIXES.values()) + used_sources()


def files_of(sources):
    return [path for name in sources for path in manifests(source_folders(name))]


def rows_of(sources):
    return " ".join(
        f"--synthetic_dirs={name}={','.join(source_folders(name))}" for name in sources
    )


rule quality:
    input:
        flagfile("evaluation_quality"),
        manifests(SOURCES["real"]),
        lambda wildcards: files_of(used_sources()),
    output:
        "quality/quality.json",
    params:
        real_dirs=",".join(SOURCES["real"]),
        held_out_dirs=",".join([*VALIDATION, *TEST]),
        rows=lambda wildcards: rows_of(used_sources()),
    benchmark:
        cost("quality")
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "quality of the generated images",
            "evaluation.quality",
            "--real_dirs={params.real_dirs} --held_out_dirs={params.held_out_dirs}"
            " {params.rows} --output_dir=quality --overwrite",
            gpu=True,
        )


rule tsne:
    input:
        flagfile("evaluation_tsne"),
        manifests(SOURCES["real"]),
        lambda wildcards: files_of(panels()),
    output:
        "tsne/tsne.json",
    params:
        real_dirs=",".join(SOURCES["real"]),
        rows=lambda wildcards: rows_of(panels()),
    benchmark:
        cost("tsne")
    threads: THREADS["other"]
    shell:
        call(
            "figure of all images side by side",
            "evaluation.tsne",
            "--real_dirs={params.real_dirs} {params.rows} --output_dir=tsne"
            " --overwrite",
        )


def results():
    files = ["table/table.json"]
    if used_sources():
        files.append("quality/quality.json")
    if panels():
        files.append("tsne/tsne.json")
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
