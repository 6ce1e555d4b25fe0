"""Rules that train detectors and compare them; see `Snakefile`."""

def control_of(wildcards):
    """The training whose number of steps a control takes; "" for other mixes."""
    if not wildcards.mix.endswith(CONTROL):
        return ""
    mix = wildcards.mix.removesuffix(CONTROL)
    return f"classifier/{wildcards.classifier}/{mix}/seed-{wildcards.seed}/model"


rule classifier_train:
    input:
        lambda wildcards: flagfile(CLASSIFIERS[wildcards.classifier]),
        lambda wildcards: manifests(mix_folders(wildcards)),
        manifests(VALIDATION),
        lambda wildcards: [f"{control_of(wildcards)}/finished.json"]
        if control_of(wildcards)
        else [],
    output:
        "classifier/{classifier}/{mix}/seed-{seed}/model/finished.json",
    params:
        flagfile=lambda wildcards: CLASSIFIERS[wildcards.classifier],
        train_dirs=lambda wildcards: ",".join(mix_folders(wildcards)),
        validation_dirs=",".join(VALIDATION),
        control=lambda wildcards: f"--match_steps_of={control_of(wildcards)}"
        if control_of(wildcards)
        else "",
    benchmark:
        cost("classifier_train/{classifier}/{mix}/seed-{seed}")
    threads: THREADS["train"]
    resources:
        gpu=1,
    shell:
        call(
            "classifier {wildcards.classifier} on {wildcards.mix},"
            " seed {wildcards.seed}: training",
            "classifier.train",
            "--train_dirs={params.train_dirs}"
            " --validation_dirs={params.validation_dirs} --seed={wildcards.seed}"
            " {params.control}"
            " --model_dir=classifier/{wildcards.classifier}/{wildcards.mix}"
            "/seed-{wildcards.seed}/model ${{START_OVER:-}}",
            "{params.flagfile}",
            gpu=True,
        )


rule predict:
    input:
        flagfile("classifier_predict"),
        manifests(TEST),
        model="{path}/model/finished.json",
    output:
        "{path}/predictions.csv",
    params:
        data_dirs=",".join(TEST),
    benchmark:
        cost("predict/{path}")
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "predictions of the test images by {wildcards.path}",
            "classifier.predict",
            "--model_dir={wildcards.path}/model --data_dirs={params.data_dirs}"
            " --output_csv={output} --overwrite",
            gpu=True,
        )


rule export:
    input:
        flagfile("classifier_export"),
        "{path}/model/finished.json",
    output:
        "{path}/saved_model/saved_model.pb",
    benchmark:
        cost("export/{path}")
    threads: THREADS["other"]
    shell:
        call(
            "SavedModel of {wildcards.path}",
            "classifier.export",
            "--model_dir={wildcards.path}/model"
            " --output_dir={wildcards.path}/saved_model --overwrite",
        )


rule predict_validation:
    input:
        flagfile("classifier_predict"),
        manifests(VALIDATION),
        model="{path}/model/finished.json",
    output:
        "{path}/validation.csv",
    params:
        data_dirs=",".join(VALIDATION),
    benchmark:
        cost("predict_validation/{path}")
    threads: THREADS["other"]
    resources:
        gpu=1,
    shell:
        call(
            "predictions of the validation images by {wildcards.path}",
            "classifier.predict",
            "--model_dir={wildcards.path}/model --data_dirs={params.data_dirs}"
            " --output_csv={output} --overwrite",
            gpu=True,
        )


def candidate_files(wildcards):
    """By step of a refiner, the predictions of the validation images."""
    classifier = config["selection_classifier"]
    return {
        step: [f"{run}/validation.csv" for run in runs(classifier, mix)]
        for step, mix in CANDIDATES[wildcards.refiner].items()
    }


checkpoint select:
    input:
        flagfile("evaluation_select"),
        lambda wildcards: sum(candidate_files(wildcards).values(), []),
    output:
        "{refiner}/selection.json",
    params:
        candidates=lambda wildcards: " ".join(
            f"--candidates={step}={path}"
            for step, paths in candidate_files(wildcards).items()
            for path in paths
        ),
    benchmark:
        cost("{refiner}_select")
    threads: THREADS["other"]
    shell:
        call(
            "selection of the step of {wildcards.refiner}",
            "evaluation.select",
            "{params.candidates} --output_json={output} --overwrite",
        )
