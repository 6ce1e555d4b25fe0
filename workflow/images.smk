"""Rules that make sets of images; see `Snakefile`."""

rule phantom:
    input:
        flagfile("dataset_phantom"),
    output:
        "phantom/phantom.json",
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
    threads: workflow.cores
    shell:
        call(
            "slices of the volumes",
            "dataset.prepare",
            "--brats_dir={params.brats_dir:q} --output_dir=real"
            " --num_workers={threads} --overwrite",
        )
        + " && cp real/report.json {output}"


rule classic:
    input:
        flagfile("classifier_augment"),
        manifests(SOURCES["real"]),
    output:
        "classic/manifest.json",
    params:
        data_dirs=",".join(SOURCES["real"]),
    threads: THREADS["other"]
    shell:
        call(
            "classic augmentation",
            "classifier.augment",
            "--data_dirs={params.data_dirs} --output_dir=classic --overwrite",
        )


rule pggan_train:
    input:
        flagfile("pggan_train"),
        manifests(SOURCES["real"]),
    output:
        "pggan/{label}/model/finished.json",
    threads: THREADS["train"]
    shell:
        call(
            "PGGAN of {wildcards.label} images: training",
            "pggan.train",
            "--data_dir=real/train/{wildcards.label}"
            " --model_dir=pggan/{wildcards.label}/model",
        )


rule pggan_generate:
    input:
        flagfile("pggan_generate"),
        "pggan/{label}/model/finished.json",
    output:
        "pggan/{label}/images/manifest.json",
    threads: THREADS["other"]
    shell:
        call(
            "PGGAN of {wildcards.label} images: generating",
            "pggan.generate",
            "--model_dir=pggan/{wildcards.label}/model"
            " --output_dir=pggan/{wildcards.label}/images --overwrite",
        )


def refiner_flagfiles(step):
    """The flagfiles that a refiner's command line names: if one changes, it runs."""

    def find(wildcards):
        command = REFINERS[wildcards.refiner][step]
        return [
            os.path.join(FLAGS, name) for name in re.findall(r"{flags}/([\w.]+)", command)
        ]

    return find


def refiner_command(step):
    """The command line of a refiner, with its paths."""

    def fill(wildcards):
        root = f"{wildcards.refiner}/{wildcards.label}"
        at = getattr(wildcards, "at", "")
        return REFINERS[wildcards.refiner][step].format(
            python=PYTHON,
            flags=shlex.quote(FLAGS),
            real_dir=f"real/train/{wildcards.label}",
            synthetic_dir=f"pggan/{wildcards.label}/images",
            model_dir=f"{root}/model",
            output_dir=f"{root}/images{at}",
            step=at.removeprefix("-") or 0,
        )

    return fill


rule refiner_train:
    input:
        refiner_flagfiles("train"),
        manifests(SOURCES["real"]),
        "pggan/{label}/images/manifest.json",
    output:
        "{refiner}/{label}/model/finished.json",
    params:
        command=refiner_command("train"),
    threads: THREADS["train"]
    shell:
        "echo; echo '== {wildcards.refiner} of {wildcards.label} images: training';"
        f" {THREADS_OF_RULE} {{params.command}} 2>&1"


rule refiner_refine:
    input:
        refiner_flagfiles("refine"),
        "pggan/{label}/images/manifest.json",
        "{refiner}/{label}/model/finished.json",
    output:
        "{refiner}/{label}/images{at}/manifest.json",
    params:
        command=refiner_command("refine"),
    threads: THREADS["other"]
    shell:
        "echo; echo '== {wildcards.refiner} of {wildcards.label} images: refining';"
        f" {THREADS_OF_RULE} {{params.command}} 2>&1"


rule refiner_verify:
    input:
        "pggan/{label}/images/manifest.json",
        "{refiner}/{label}/images{at}/manifest.json",
    output:
        # Beside the set, in which only its writer writes.
        touch("{refiner}/{label}/verified{at}"),
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.refiner} of {wildcards.label} images: checking",
            "dataset.verify",
            "--data_dirs={wildcards.refiner}/{wildcards.label}/images{wildcards.at}"
            " --refined_from=pggan/{wildcards.label}/images",
        )
