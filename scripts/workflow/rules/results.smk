# Models to figures, tables of detections and pages.


rule evaluate:
    input:
        evaluation_input,
    output:
        touch(mark("evaluate", "{run}", "{name}")),
    log:
        log_of("evaluate", "{run}", "{name}"),
    benchmark:
        bench_of("evaluate", "{run}", "{name}")
    retries: RETRIES
    threads: threads_of("evaluate")
    resources:
        mem_mb=mem_of("evaluate"),
        runtime=runtime_of("evaluate"),
    params:
        command=evaluating,
        versions=lambda wildcards: versions(*measured(wildcards)),
    shell:
        '"$BARKBIRD" evaluate {params.command:q} --threads {threads} 2>>{log:q}'


rule cross_validation:
    input:
        expand(mark("evaluate", "{run}", "test"), run=FOLD_RUNS),
    output:
        touch(mark("cross-validation")),
    log:
        log_of("cross-validation"),
    benchmark:
        bench_of("cross-validation")
    retries: RETRIES
    threads: threads_of("folds")
    resources:
        mem_mb=mem_of("folds"),
        runtime=runtime_of("folds"),
    params:
        python=PYTHON,
        script=os.path.join(HERE, "cross_validation.py"),
        manifest=manifest_of("folds"),
        runs=result("runs"),
        models=FOLDED,
        seeds=SEEDS,
        folds=len(FOLDS),
        out=result("cross-validation.csv"),
    shell:
        "{params.python:q} {params.script:q} {params.manifest:q} {params.runs:q} {params.out:q} --models {params.models:q} "
        "--seeds {params.seeds:q} --folds {params.folds} 2>>{log:q}"


rule compare:
    input:
        [modeled(run) for run in COMPARED],
        mark("scan", "split"),
        files(*((COMPARE or {}).get("data", []))),
    output:
        touch(mark("compare")),
    log:
        log_of("compare"),
    benchmark:
        bench_of("compare")
    retries: RETRIES
    threads: threads_of("compare")
    resources:
        mem_mb=mem_of("compare"),
        runtime=runtime_of("compare"),
    params:
        # Runs of one model that differ in their seeds are one argument.
        models=[",".join(model_of(run) for run in runs_of(model)) for model in MODELS] + ([folder_of("fit")] if FIT is not None else []),
        manifests=[word for data in (COMPARE or {}).get("data", [manifest_of("split")]) for word in ("--manifest", data)],
        split=(COMPARE or {}).get("split", "test"),
        stress=["--stress"] if (COMPARE or {}).get("stress") else [],
        out=result("comparison"),
        versions=lambda wildcards: versions(*COMPARE.get("data", [])),
        seed=config["seed"],
        device=config["device"],
    shell:
        '"$BARKBIRD" compare {params.models:q} {params.manifests:q} --split {params.split:q} {params.stress:q} --out {params.out:q} '
        "--seed {params.seed} --device {params.device:q} --threads {threads} 2>>{log:q}"


# Exit code 3: recordings that could not be used are listed in the tables.
rule predict_part:
    input:
        predicting_input,
    output:
        touch(mark("predict", "{name}", "{part}-of-{parts}")),
    log:
        log_of("predict", "{name}", "{part}-of-{parts}"),
    benchmark:
        bench_of("predict", "{name}", "{part}-of-{parts}")
    retries: RETRIES
    threads: threads_of("predict")
    resources:
        mem_mb=mem_of("predict"),
        runtime=runtime_of("predict"),
    params:
        command=predicting,
        versions=lambda wildcards: versions(*PREDICTIONS[wildcards.name]["recordings"]),
        resume=RESUME,
    shell:
        '{params.resume:q} {log:q} "$BARKBIRD" predict {params.command:q} --part {wildcards.part}/{wildcards.parts} --threads {threads} '
        "|| [ $? = 3 ]"


rule predict:
    input:
        predicting_input,
        predicted_parts,
    output:
        touch(mark("predict", "{name}", "tables")),
    log:
        log_of("predict", "{name}", "tables"),
    benchmark:
        bench_of("predict", "{name}", "tables")
    retries: RETRIES
    threads: threads_of("tables")
    resources:
        mem_mb=mem_of("tables"),
        runtime=runtime_of("tables"),
    params:
        command=predicting,
        versions=lambda wildcards: versions(*PREDICTIONS[wildcards.name]["recordings"]),
        resume=RESUME,
    shell:
        '{params.resume:q} {log:q} "$BARKBIRD" predict {params.command:q} --threads {threads} || [ $? = 3 ]'


rule report:
    input:
        report_input,
    output:
        touch(mark("report", "{model}")),
    log:
        log_of("report", "{model}"),
    benchmark:
        bench_of("report", "{model}")
    wildcard_constraints:
        model="[A-Za-z0-9_]+",
    retries: RETRIES
    threads: threads_of("report")
    resources:
        mem_mb=mem_of("report"),
        runtime=runtime_of("report"),
    params:
        command=reporting,
        out=lambda wildcards: result("report", f"{wildcards.model}.html"),
    shell:
        '"$BARKBIRD" report {params.command:q} --out {params.out:q} --threads {threads} 2>>{log:q}'
