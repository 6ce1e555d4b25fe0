"""Rules that make sets of images; see `Snakefile`."""

rule phantom:
    input:
        flagfile("dataset_phantom"),
    output:
        "phantom/phantom.json",
    benchmark:
        cost("phantom")
    threads: workflow.cores
    shell:
        call(
            "artificial cases",
            "dataset.phantom",
            "--output_dir=phantom --num_workers={threads} --overwrite",
        )


rule prepare:
    input:
        flagfile("dataset_prepare"),
        "phantom/phantom.json" if BRATS_DIR == "phantom" else [],
    output:
        PREPARED,
    params:
        brats_dir=BRATS_DIR,
    benchmark:
        cost("prepare")
    threads: workflow.cores
    shell:
        call(
            "slices of the volumes",
            "dataset.prepare",
            "--brats_dir={params.brats_dir:q} --output_dir=real"
            " --num_workers={threads} --overwrite",
        )
        + " && cp real/report.json {output}"


def augment_flagfile(wildcards):
    return "classifier_augment" + ("_" + wildcards.size if wildcards.size else "")


rule classic:
    input:
        lambda wildcards: flagfile(augment_flagfile(wildcards)),
        manifests(SOURCES["real"]),
    output:
        "classic{size}/manifest.json",
    params:
        data_dirs=",".join(SOURCES["real"]),
        flagfile=augment_flagfile,
    benchmark:
        cost("classic{size}")
    threads: THREADS["other"]
    shell:
        call(
            "classic augmentation",
            "classifier.augment",
            "--data_dirs={params.data_dirs} --output_dir=classic{wildcards.size}"
            " --overwrite",
            "{params.flagfile}",
        )


rule pggan_train:
    input:
        flagfile("pggan_train"),
        manifests(SOURCES["real"]),
    output:
        "pggan/{label}/model/finished.json",
    benchmark:
        cost("pggan_train/{label}")
    priority: FIRST
    threads: THREADS["train"]
    resources:
        gpu=1,
    shell:
        call(
            "PGGAN of {wildcards.label} images: training",
            "pggan.train",
            "--data_dir=real/train/{wildcards.label}"
            " --model_dir=pggan/{wildcards.label}/model ${{START_OVER:-}}",
            gpu=True,
        )


rule pggan_generate:
    input:
        flagfile("pggan_generate"),
        "pggan/{label}/model/finished.json",
    output:
        "pggan/{label}/images/manifest.json",
    benchmark:
        cost("pggan_generate/{label}")
    priority: FIRST
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "PGGAN of {wildcards.label} images: generating",
            "pggan.generate",
            "--model_dir=pggan/{wildcards.label}/model"
            " --output_dir=pggan/{wildcards.label}/images --overwrite",
            gpu=True,
        )
