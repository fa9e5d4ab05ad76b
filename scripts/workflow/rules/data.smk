# Recordings to features: scan, doctor, features and views by parts.


rule scan:
    input:
        files(config["data"]),
    output:
        touch(mark("scan", "{data}")),
    log:
        log_of("scan", "{data}"),
    benchmark:
        bench_of("scan", "{data}")
    retries: RETRIES
    threads: threads_of("scan")
    resources:
        mem_mb=mem_of("scan"),
        runtime=runtime_of("scan"),
    params:
        data=lambda wildcards: config["data"],
        versions=lambda wildcards: versions(config["data"]),
        manifest=lambda wildcards: manifest_of(wildcards.data),
        options=lambda wildcards: config["scan"] if wildcards.data == "split" else ["--folds", len(FOLDS)],
        seed=config["seed"],
    shell:
        '"$BARKBIRD" scan {params.data:q} --out {params.manifest:q} {params.options:q} --seed {params.seed} --threads {threads} 2>>{log:q}'


rule doctor:
    input:
        mark("scan", "split"),
    output:
        touch(mark("doctor")),
    log:
        log_of("doctor"),
    benchmark:
        bench_of("doctor")
    retries: RETRIES
    threads: threads_of("doctor")
    resources:
        mem_mb=mem_of("doctor"),
        runtime=runtime_of("doctor"),
    params:
        manifest=manifest_of("split"),
        out=result("doctor"),
        options=config["doctor"] or [],
        seed=config["seed"],
    shell:
        '"$BARKBIRD" doctor {params.manifest:q} --out {params.out:q} {params.options:q} --seed {params.seed} --threads {threads} 2>>{log:q}'


# Parts share a cache, into which each puts packs under names of its own: they may run at the same time, and a part that is run again
# computes what is not in the cache.
rule features_part:
    input:
        mark("scan", "{data}"),
    output:
        touch(mark("features", "{data}", "{features}-{part}-of-{parts}")),
    log:
        log_of("features", "{data}", "{features}-{part}-of-{parts}"),
    benchmark:
        bench_of("features", "{data}", "{features}-{part}-of-{parts}")
    retries: RETRIES
    threads: lambda wildcards: threads_of(kind_of(wildcards.features))
    resources:
        mem_mb=lambda wildcards, attempt: mem_of(kind_of(wildcards.features))(wildcards, attempt),
        runtime=lambda wildcards, attempt: runtime_of(kind_of(wildcards.features))(wildcards, attempt),
    params:
        command=extraction,
    shell:
        '"$BARKBIRD" {params.command:q} --part {wildcards.part}/{wildcards.parts} --threads {threads} 2>>{log:q}'


rule features:
    input:
        mark("scan", "{data}"),
        all_parts,
    output:
        touch(mark("features", "{data}", "{features}")),
    log:
        log_of("features", "{data}", "{features}"),
    benchmark:
        bench_of("features", "{data}", "{features}")
    retries: RETRIES
    threads: threads_of("gather")
    resources:
        mem_mb=mem_of("gather"),
        runtime=runtime_of("gather"),
    params:
        command=extraction,
    shell:
        '"$BARKBIRD" {params.command:q} --threads {threads} 2>>{log:q}'
