"""Rules that refine what was generated; see `Snakefile`."""

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
        prefix, label = wildcards.prefix, wildcards.label
        root = f"{prefix}{wildcards.refiner}/{label}"
        at = getattr(wildcards, "at", "")
        return REFINERS[wildcards.refiner][step].format(
            python=PYTHON,
            flags=shlex.quote(FLAGS),
            real_dir=real_of_label(wildcards),
            synthetic_dir=KEPT.format(prefix=prefix, label=label),
            model_dir=f"{root}/model",
            output_dir=f"{root}/images{at}",
            step=at.removeprefix("-") or 0,
            seed=chain_of(prefix),
            seed_flag=seed_flag(wildcards),
        )

    return fill


rule refiner_train:
    input:
        refiner_flagfiles("train"),
        real_manifests(SOURCES["real"]),
        KEPT + "/manifest.json",
    output:
        "{prefix}{refiner}/{label}/model/finished.json",
    params:
        command=refiner_command("train"),
    benchmark:
        cost("{prefix}{refiner}_train/{label}")
    priority: FIRST
    threads: THREADS["train"]
    resources:
        gpu=1,
    shell:
        begin("{wildcards.prefix}{wildcards.refiner} of {wildcards.label} images: training", gpu=True)
        + "{params.command}"


rule refiner_refine:
    input:
        refiner_flagfiles("refine"),
        KEPT + "/manifest.json",
        "{prefix}{refiner}/{label}/model/finished.json",
    output:
        "{prefix}{refiner}/{label}/images{at}/manifest.json",
    params:
        command=refiner_command("refine"),
    benchmark:
        cost("{prefix}{refiner}_refine/{label}{at}")
    priority: FIRST
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        begin("{wildcards.prefix}{wildcards.refiner} of {wildcards.label} images: refining", gpu=True)
        + "{params.command}"


rule refiner_verify:
    input:
        KEPT + "/manifest.json",
        "{prefix}{refiner}/{label}/images{at}/manifest.json",
    output:
        # Beside the set, in which only its writer writes.
        touch("{prefix}{refiner}/{label}/verified{at}"),
    params:
        synthetic_dir=lambda wildcards: KEPT.format(
            prefix=wildcards.prefix, label=wildcards.label
        ),
    benchmark:
        cost("{prefix}{refiner}_verify/{label}{at}")
    priority: FIRST
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.prefix}{wildcards.refiner} of {wildcards.label} images:"
            " checking",
            "dataset.verify",
            "--data_dirs={wildcards.prefix}{wildcards.refiner}/{wildcards.label}"
            "/images{wildcards.at} --refined_from={params.synthetic_dir}",
        )
