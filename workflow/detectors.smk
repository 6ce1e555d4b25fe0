"""Rules that train detectors and compare them; see `Snakefile`."""

# A detector: its folder, and the same as part of a command.
RUN = "{prefix}classifier/{classifier}/{mix}/seed-{seed}"
RUN_FOLDER = RUN.replace("{", "{wildcards.")
RUN_TITLE = (
    "{wildcards.prefix}{wildcards.classifier}, {wildcards.mix}, seed {wildcards.seed}"
)


def control_of(wildcards):
    """The training whose number of steps a control takes; "" for other mixes."""
    if not wildcards.mix.endswith(CONTROL):
        return ""
    mix = wildcards.mix.removesuffix(CONTROL)
    root = f"{wildcards.prefix}classifier/{wildcards.classifier}"
    return f"{root}/{mix}/seed-{wildcards.seed}/model"


def detector_seed(wildcards):
    """Another one in every chain, too."""
    seed = int(wildcards.seed) + SEEDS_OF_A_CHAIN * chain_of(wildcards.prefix)
    return Unnoted(str(seed))


def train_images(wildcards):
    """Nothing for a mix of all images of its sources."""
    numbers = [number for _, number in mix_sets(wildcards)]
    if set(numbers) == {"0"}:
        return Unnoted("")
    return f"--train_images={','.join(numbers)}"


rule classifier_train:
    input:
        lambda wildcards: flagfile(CLASSIFIERS[wildcards.classifier]),
        lambda wildcards: manifests(mix_folders(wildcards)),
        real_manifests(VALIDATION),
        lambda wildcards: [f"{control_of(wildcards)}/finished.json"]
        if control_of(wildcards)
        else [],
    output:
        RUN + "/model/finished.json",
    params:
        flagfile=lambda wildcards: CLASSIFIERS[wildcards.classifier],
        train_dirs=lambda wildcards: ",".join(mix_folders(wildcards)),
        train_images=train_images,
        validation_dirs=lambda wildcards: ",".join(real(VALIDATION)(wildcards)),
        seed=detector_seed,
        control=lambda wildcards: f"--match_steps_of={control_of(wildcards)}"
        if control_of(wildcards)
        else "",
    benchmark:
        cost("{prefix}classifier_train/{classifier}/{mix}/seed-{seed}")
    priority: LATER
    threads: THREADS["train"]
    resources:
        gpu=1,
    shell:
        call(
            RUN_TITLE + ": training",
            "classifier.train",
            "--train_dirs={params.train_dirs} {params.train_images}"
            " --validation_dirs={params.validation_dirs} --seed={params.seed}"
            f" {{params.control}} --model_dir={RUN_FOLDER}/model ${{{{START_OVER:-}}}}",
            "{params.flagfile}",
            gpu=True,
        )


rule predict:
    input:
        flagfile("classifier_predict"),
        real_manifests(TEST),
        model=RUN + "/model/finished.json",
    output:
        RUN + "/predictions.csv",
    params:
        data_dirs=lambda wildcards: ",".join(real(TEST)(wildcards)),
    benchmark:
        cost("{prefix}predict/" + RUN.removeprefix("{prefix}"))
    priority: LATER
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            RUN_TITLE + ": testing",
            "classifier.predict",
            f"--model_dir={RUN_FOLDER}/model --data_dirs={{params.data_dirs}}"
            " --output_csv={output} --overwrite",
            gpu=True,
        )


rule export:
    input:
        flagfile("classifier_export"),
        RUN + "/model/finished.json",
    output:
        RUN + "/saved_model/saved_model.pb",
    benchmark:
        cost("{prefix}export/" + RUN.removeprefix("{prefix}"))
    priority: LATER
    threads: THREADS["other"]
    shell:
        call(
            RUN_TITLE + ": SavedModel",
            "classifier.export",
            f"--model_dir={RUN_FOLDER}/model --output_dir={RUN_FOLDER}/saved_model"
            " --overwrite",
        )


rule predict_validation:
    input:
        flagfile("classifier_predict"),
        real_manifests(VALIDATION),
        model=RUN + "/model/finished.json",
    output:
        RUN + "/validation.csv",
    params:
        data_dirs=lambda wildcards: ",".join(real(VALIDATION)(wildcards)),
    benchmark:
        cost("{prefix}predict_validation/" + RUN.removeprefix("{prefix}"))
    priority: LATER
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            RUN_TITLE + ": validation",
            "classifier.predict",
            f"--model_dir={RUN_FOLDER}/model --data_dirs={{params.data_dirs}}"
            " --output_csv={output} --overwrite",
            gpu=True,
        )


def candidate_files(wildcards):
    """By step of a refiner, the predictions of the validation images."""
    classifier = config["selection_classifier"]
    return {
        step: [
            f"{run}/validation.csv" for run in runs(classifier, mix, wildcards.prefix)
        ]
        for step, mix in CANDIDATES[wildcards.refiner].items()
    }


checkpoint select:
    input:
        flagfile("evaluation_select"),
        lambda wildcards: sum(candidate_files(wildcards).values(), []),
    output:
        "{prefix}{refiner}/selection.json",
    params:
        candidates=lambda wildcards: " ".join(
            f"--candidates={step}={path}"
            for step, paths in candidate_files(wildcards).items()
            for path in paths
        ),
    benchmark:
        cost("{prefix}{refiner}_select")
    priority: LATER
    threads: THREADS["other"]
    shell:
        call(
            "{wildcards.prefix}selection of the step of {wildcards.refiner}",
            "evaluation.select",
            "{params.candidates} --output_json={output} --overwrite",
        )
