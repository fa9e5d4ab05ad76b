//! Prints what a model hears in a recording that comes through standard input: `cargo run -p listen --example listen_to RUN < FILE`.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use listen::{Options, Sound, Told};
use pipeline::Job;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let run = std::env::args().nth(1).ok_or("expected: listen_to RUN")?;
    let sound = Sound::pipe(Box::new(std::io::stdin()), None)?;
    listen::run(&Options::new(run), sound, &Job::default(), &mut |told| {
        if let Told::Detection(event) = told {
            println!("{} {} {:.2}", event.recorded, event.label, event.score);
        }
        Ok(())
    })?;
    Ok(())
}
