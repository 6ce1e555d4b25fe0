"""Lets `--d3dag` print the steps that are to run, for programs; see `Snakefile`."""

from snakemake.dag import DAG


def print_plan(dag, *_, **__):
    """Prints JSON: of each step its rule, files, own command and priority."""
    dag.update_priority()
    steps = [
        {
            "rule": job.rule.name,
            "input": list(map(str, job.input)),
            "output": list(map(str, job.output)),
            "command": job.shellcmd.partition(OWN_COMMAND)[2],
            "priority": dag.priority(job),
        }
        for job in dag.jobs
        if dag.needrun(job) and job.shellcmd
    ]
    print(json.dumps(steps))


# Snakemake's own graph has no files and no commands.
DAG.d3dag = print_plan
