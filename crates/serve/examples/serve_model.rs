//! Serves a model until Ctrl-C ends the process: `cargo run -p serve --example serve_model RUN`.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use pipeline::Job;
use serve::{Options, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let run = std::env::args().nth(1).ok_or("expected: serve_model RUN")?;
    let server = Server::bind(Options::new(vec![run.into()]), &Job::default())?;
    println!("http://{}/", server.addr());
    Ok(server.run()?)
}
