"""Rules that discard weird generated images; see `Snakefile`."""

rule cluster:
    input:
        flagfile("filtering_cluster"),
        real_manifests(SOURCES["real"]),
        "{prefix}pggan/{label}/images/manifest.json",
    output:
        "{prefix}filtering/{label}/clusters/clusters.json",
    params:
        reference_dir=real_of_label,
        seed=seed_flag,
    benchmark:
        cost("{prefix}cluster/{label}")
    priority: FIRST
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "{wildcards.prefix}clusters of generated {wildcards.label} images",
            "filtering.cluster",
            "--data_dir={wildcards.prefix}pggan/{wildcards.label}/images"
            " --reference_dir={params.reference_dir}{params.seed}"
            " --output_dir={wildcards.prefix}filtering/{wildcards.label}/clusters"
            " --overwrite",
            gpu=True,
        )


def decisions_file(wildcards):
    """A person's file about these images; `proposal` without one."""
    if not isinstance(DECISIONS, dict):
        return DECISIONS
    return fill([DECISIONS[wildcards.label]], wildcards.prefix)[0]


rule discard:
    input:
        flagfile("filtering_discard"),
        "{prefix}pggan/{label}/images/manifest.json",
        "{prefix}filtering/{label}/clusters/clusters.json",
        lambda wildcards: decisions_file(wildcards)
        if isinstance(DECISIONS, dict)
        else [],
    output:
        "{prefix}filtering/{label}/images/manifest.json",
    params:
        decisions=decisions_file,
    benchmark:
        cost("{prefix}discard/{label}")
    priority: FIRST
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.prefix}weird {wildcards.label} images discarded",
            "filtering.discard",
            "--data_dir={wildcards.prefix}pggan/{wildcards.label}/images"
            " --clusters_dir={wildcards.prefix}filtering/{wildcards.label}/clusters"
            " --decisions={params.decisions:q}"
            " --output_dir={wildcards.prefix}filtering/{wildcards.label}/images"
            " --overwrite",
        )
