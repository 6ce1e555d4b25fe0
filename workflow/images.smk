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


# The program that makes shard sets of cases, and the flag that names them.
PREPARE, CASES = "dataset.prepare", "brats_dir"
if IMAGES_DIR:
    PREPARE, CASES = "dataset.import_images", "images_dir"


def fold_flags(wildcards):
    """Nothing for the one split that flagfiles describe."""
    _, number, share, _ = PREFIX.match(wildcards.fold).groups()
    flags = f" --num_folds={NUM_FOLDS} --fold={number}" if number else ""
    if share:
        flags += f" --training_share={SHARES[share]}"
    return flags or Unnoted("")


rule prepare:
    input:
        flagfile(PREPARE.replace(".", "_")),
        "phantom/phantom.json" if BRATS_DIR == "phantom" else [],
    output:
        PREPARED,
    params:
        cases=BRATS_DIR or IMAGES_DIR,
        fold=fold_flags,
    benchmark:
        cost("{fold}prepare")
    priority: FIRST
    threads: workflow.cores
    shell:
        call(
            "{wildcards.fold}slices of the volumes",
            PREPARE,
            f"--{CASES}={{params.cases:q}} --output_dir={{wildcards.fold}}real"
            " --num_workers={threads}{params.fold} --overwrite",
        )
        + " && cp {wildcards.fold}real/report.json {output}"


def augment_flagfile(wildcards):
    return "classifier_augment" + ("_" + wildcards.size if wildcards.size else "")


rule classic:
    input:
        lambda wildcards: flagfile(augment_flagfile(wildcards)),
        real_manifests(SOURCES["real"]),
    output:
        "{prefix}classic{size}/manifest.json",
    params:
        data_dirs=lambda wildcards: ",".join(real(SOURCES["real"])(wildcards)),
        flagfile=augment_flagfile,
        seed=seed_flag,
    benchmark:
        cost("{prefix}classic{size}")
    priority: LATER
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.prefix}classic{wildcards.size} augmentation",
            "classifier.augment",
            "--data_dirs={params.data_dirs}{params.seed}"
            " --output_dir={wildcards.prefix}classic{wildcards.size} --overwrite",
            "{params.flagfile}",
        )


GENERATOR = "{prefix}{generator}/{label}"
GENERATOR_FOLDER = GENERATOR.replace("{", "{wildcards.")
PGGAN_FLAGFILES = {"pggan": "pggan_train", "guided": "pggan_train_guided"}
PGGAN_TITLES = {"pggan": "PGGAN", "guided": "guided PGGAN"}


def guide(wildcards):
    """The folder of the detector that guides PGGAN; "" without."""
    if wildcards.generator != "guided":
        return ""
    return f"{wildcards.prefix}classifier/{GUIDE}/seed-{SEEDS[0]}/saved_model"


def guide_flag(wildcards):
    folder = guide(wildcards)
    return f" --guide_dir={folder}" if folder else Unnoted("")


rule pggan_train:
    input:
        lambda wildcards: flagfile(PGGAN_FLAGFILES[wildcards.generator]),
        real_manifests(SOURCES["real"]),
        lambda wildcards: [f"{guide(wildcards)}/saved_model.pb"]
        if guide(wildcards)
        else [],
    output:
        GENERATOR + "/model/finished.json",
    params:
        data_dir=real_of_label,
        validation_dir=lambda wildcards: real_of_label(wildcards, "validation"),
        seed=seed_flag,
        guide=guide_flag,
        title=lambda wildcards: Unnoted(PGGAN_TITLES[wildcards.generator]),
        flagfile=lambda wildcards: Unnoted(PGGAN_FLAGFILES[wildcards.generator]),
    benchmark:
        cost("{prefix}{generator}_train/{label}")
    priority: FIRST
    threads: THREADS["train"]
    resources:
        gpu=1,
    shell:
        call(
            "{wildcards.prefix}{params.title} of {wildcards.label} images: training",
            "pggan.train",
            "--data_dir={params.data_dir} --validation_dir={params.validation_dir}"
            f"{{params.seed}}{{params.guide}} --model_dir={GENERATOR_FOLDER}/model"
            " ${{START_OVER:-}}",
            "{params.flagfile}",
            gpu=True,
        )


rule pggan_generate:
    input:
        flagfile("pggan_generate"),
        GENERATOR + "/model/finished.json",
    output:
        GENERATOR + "/images/manifest.json",
    params:
        seed=seed_flag,
        title=lambda wildcards: Unnoted(PGGAN_TITLES[wildcards.generator]),
    benchmark:
        cost("{prefix}{generator}_generate/{label}")
    priority: FIRST
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "{wildcards.prefix}{params.title} of {wildcards.label} images: generating",
            "pggan.generate",
            f"--model_dir={GENERATOR_FOLDER}/model{{params.seed}}"
            f" --output_dir={GENERATOR_FOLDER}/images --overwrite",
            gpu=True,
        )
