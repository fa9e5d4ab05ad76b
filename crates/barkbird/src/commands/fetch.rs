//! `barkbird fetch`.

use crate::cli::FetchArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::fetch::{self, Options, catalog};

pub(super) fn run(args: &FetchArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let Some(what) = &args.what else {
        for one in catalog() {
            let mega = one.n_bytes as f64 / 1e6;
            ui.say(format!("{}: {}\n  from {}, about {mega:.0} MB", one.name, one.what, one.url));
            ui.say(format!("  license: {}\n  cite: {}\n  verified: {}", one.license, one.citation, one.verified));
        }
        return ui.result(&catalog());
    };
    let options = Options {
        out: args.out.clone(),
        mirror: args.mirror.clone(),
        sha256: args.sha256.clone(),
        revision: args.revision.clone(),
        pickles: args.pickles,
        overwrite: args.overwrite,
        ..Options::new(what.clone())
    };
    let fetched = fetch::run(&options, job)?;
    let mega = fetched.bytes as f64 / 1e6;
    ui.say(format!("{}: {} files, {mega:.1} MB in {}", fetched.name, fetched.files, fetched.folder.display()));
    ui.result(&fetched)
}
