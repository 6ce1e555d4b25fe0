"""Rules that train detectors and compare them; see `Snakefile`."""

rule classifier_train:
    input:
        lambda wildcards: flagfile(CLASSIFIERS[wildcards.classifier]),
        lambda wildcards: manifests(mix_folders(wildcards)),
        manifests(VALIDATION),
    output:
        "classifier/{classifier}/{mix}/seed-{seed}/model/finished.json",
    params:
        flagfile=lambda wildcards: CLASSIFIERS[wildcards.classifier],
        train_dirs=lambda wildcards: ",".join(mix_folders(wildcards)),
        validation_dirs=",".join(VALIDATION),
    threads: THREADS["train"]
    shell:
        call(
            "classifier {wildcards.classifier} on {wildcards.mix},"
            " seed {wildcards.seed}: training",
            "classifier.train",
            "--train_dirs={params.train_dirs}"
            " --validation_dirs={params.validation_dirs} --seed={wildcards.seed}"
            " --model_dir=classifier/{wildcards.classifier}/{wildcards.mix}"
            "/seed-{wildcards.seed}/model",
            "{params.flagfile}",
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
    threads: THREADS["other"]
    shell:
        call(
            "predictions of the test images by {wildcards.path}",
            "classifier.predict",
            "--model_dir={wildcards.path}/model --data_dirs={params.data_dirs}"
            " --output_csv={output} --overwrite",
        )


rule export:
    input:
        flagfile("classifier_export"),
        "{path}/model/finished.json",
    output:
        "{path}/saved_model/saved_model.pb",
    threads: THREADS["other"]
    shell:
        call(
            "SavedModel of {wildcards.path}",
            "classifier.export",
            "--model_dir={wildcards.path}/model"
            " --output_dir={wildcards.path}/saved_model --overwrite",
        )


def prediction_files(wildcards):
    """By mix, the predictions of its runs."""
    return {
        mix: [
            f"classifier/{wildcards.classifier}/{mix}/seed-{seed}/predictions.csv"
            for seed in SEEDS
        ]
        for mix in MIXES
    }


rule table:
    input:
        flagfile("evaluation_table"),
        lambda wildcards: sum(prediction_files(wildcards).values(), []),
    output:
        "table/{classifier}/table.json",
    params:
        rows=lambda wildcards: " ".join(
            f"--rows={mix}={path}"
            for mix, paths in prediction_files(wildcards).items()
            for path in paths
        ),
    threads: THREADS["other"]
    shell:
        call(
            "table of classifier {wildcards.classifier}",
            "evaluation.table",
            "{params.rows} --output_dir=table/{wildcards.classifier} --overwrite",
        )
