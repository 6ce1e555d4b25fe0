"""Rules that discard weird generated images; see `Snakefile`."""

rule cluster:
    input:
        flagfile("filtering_cluster"),
        manifests(SOURCES["real"]),
        "pggan/{label}/images/manifest.json",
    output:
        "filtering/{label}/clusters/clusters.json",
    benchmark:
        cost("cluster/{label}")
    priority: FIRST
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "clusters of generated {wildcards.label} images",
            "filtering.cluster",
            "--data_dir=pggan/{wildcards.label}/images"
            " --reference_dir=real/train/{wildcards.label}"
            " --output_dir=filtering/{wildcards.label}/clusters --overwrite",
            gpu=True,
        )


def decisions_file(wildcards):
    """A person's file about these images; `proposal` without one."""
    return DECISIONS[wildcards.label] if isinstance(DECISIONS, dict) else DECISIONS


rule discard:
    input:
        flagfile("filtering_discard"),
        "pggan/{label}/images/manifest.json",
        "filtering/{label}/clusters/clusters.json",
        lambda wildcards: decisions_file(wildcards)
        if isinstance(DECISIONS, dict)
        else [],
    output:
        "filtering/{label}/images/manifest.json",
    params:
        decisions=decisions_file,
    benchmark:
        cost("discard/{label}")
    priority: FIRST
    threads: THREADS["other"]
    shell:
        call(
            "weird {wildcards.label} images discarded",
            "filtering.discard",
            "--data_dir=pggan/{wildcards.label}/images"
            " --clusters_dir=filtering/{wildcards.label}/clusters"
            " --decisions={params.decisions:q}"
            " --output_dir=filtering/{wildcards.label}/images --overwrite",
        )
