# Features to models: trainings over seeds and folds, fit, detectors, embeddings.


rule train:
    input:
        lambda wildcards: mark("features", *features_of(wildcards.run)),
    output:
        touch(mark("train", "{run}")),
    log:
        log_of("train", "{run}"),
    benchmark:
        bench_of("train", "{run}")
    retries: RETRIES
    threads: threads_of("train")
    resources:
        mem_mb=mem_of("train"),
        runtime=runtime_of("train"),
    params:
        command=training,
        resume=RESUME,
    shell:
        '{params.resume:q} {log:q} "$BARKBIRD" {params.command:q} --threads {threads}'


rule fit:
    input:
        mark("scan", "split"),
    output:
        touch(mark("fit")),
    log:
        log_of("fit"),
    benchmark:
        bench_of("fit")
    retries: RETRIES
    threads: threads_of("fit")
    resources:
        mem_mb=mem_of("fit"),
        runtime=runtime_of("fit"),
    params:
        manifest=manifest_of("split"),
        out=folder_of("fit"),
        options=FIT or [],
        seed=config["seed"],
        device=config["device"],
        resume=RESUME,
    shell:
        '{params.resume:q} {log:q} "$BARKBIRD" fit {params.manifest:q} --out {params.out:q} {params.options:q} --seed {params.seed} '
        "--device {params.device:q} --threads {threads}"


rule embed:
    input:
        lambda wildcards: mark("features", *features_of(wildcards.run)),
        mark("train", "{run}"),
    output:
        touch(mark("embed", "{run}")),
    log:
        log_of("embed", "{run}"),
    benchmark:
        bench_of("embed", "{run}")
    retries: RETRIES
    threads: threads_of("embed")
    resources:
        mem_mb=mem_of("embed"),
        runtime=runtime_of("embed"),
    params:
        run=lambda wildcards: folder_of(wildcards.run),
        features=lambda wildcards: result("features", *features_of(wildcards.run)),
        out=lambda wildcards: result("embeddings", wildcards.run),
        device=config["device"],
    shell:
        '"$BARKBIRD" embed {params.run:q} --features {params.features:q} --out {params.out:q} --device {params.device:q} '
        "--threads {threads} 2>>{log:q}"


rule bench:
    input:
        unknown_input,
    output:
        touch(mark("bench", "{run}")),
    log:
        log_of("bench", "{run}"),
    benchmark:
        bench_of("bench", "{run}")
    retries: RETRIES
    threads: threads_of("bench")
    resources:
        mem_mb=mem_of("bench"),
        runtime=runtime_of("bench"),
    params:
        flags=lambda wildcards: unknown(wildcards, "bench"),
        out=lambda wildcards: result("bench", wildcards.run),
    shell:
        '"$BARKBIRD" anomaly bench {params.flags:q} --out {params.out:q} --threads {threads} 2>>{log:q}'


rule detector:
    input:
        unknown_input,
        lambda wildcards: [mark("bench", wildcards.run)] if recommended(wildcards) else [],
    output:
        touch(mark("detector", "{run}")),
    log:
        log_of("detector", "{run}"),
    benchmark:
        bench_of("detector", "{run}")
    retries: RETRIES
    threads: threads_of("detector")
    resources:
        mem_mb=mem_of("detector"),
        runtime=runtime_of("detector"),
    params:
        flags=lambda wildcards: unknown(wildcards, "fit") + recommended(wildcards),
        out=lambda wildcards: result("detectors", wildcards.run),
    shell:
        '"$BARKBIRD" anomaly fit {params.flags:q} --out {params.out:q} --threads {threads} 2>>{log:q}'
