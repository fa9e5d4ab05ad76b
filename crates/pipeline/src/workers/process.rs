//! One process of a worker.

use super::pool::{Task, Workers};
use super::told::Told;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::observer::CancelToken;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a stop may be unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// Does a task as worker `nth`: starts the program, listens to it, and waits for its end. What it warns of is passed on with the
/// worker's name; the rest of what it says goes to `hear`. Once a stop is asked for, or this process ends, its standard input
/// ends, and so it stops.
///
/// # Errors
/// A process that cannot be started or ends otherwise than with its work done, with its own message; and a stop that was asked for.
pub(crate) fn work(
    workers: &Workers,
    nth: usize,
    task: &Task,
    job: &Job<'_>,
    hear: &mut dyn FnMut(Told),
) -> Result<()> {
    let name = &workers.names[nth];
    let mut command = Command::new(&workers.program);
    command.args((workers.arguments)(nth, task)).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("[{name}] {}: no process of it could be started", workers.program.display()))?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let is_over = AtomicBool::new(false);
    let mut heard = Heard { name, job, failed: None, last: None, hear };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && !job.cancel.is_cancelled() {
                std::thread::sleep(NAP);
            }
            drop(stdin);
        });
        let listened = stderr.map_or(Ok(()), |stderr| heard.listen(stderr));
        is_over.store(true, Ordering::Relaxed);
        listened
    })
    .with_context(|| format!("[{name}] what its process says cannot be read"))?;
    let status = child.wait().with_context(|| format!("[{name}] its process"))?;
    match status.code() {
        Some(code) if workers.done.contains(&code) => Ok(()),
        _ => {
            job.check("what is done is kept")?;
            match heard.failed.or(heard.last) {
                Some(message) => bail!("[{name}] {message}"),
                None => bail!("[{name}] its process ended: {status}"),
            }
        }
    }
}

/// Asks to stop once standard input ends: for the process of a worker, whose starter has ended, or wants it to.
pub fn stop_with_standard_input(cancel: &CancelToken) {
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        while std::io::stdin().read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
        cancel.cancel();
    });
}

/// What a process has said.
struct Heard<'a, 'j> {
    name: &'a str,
    job: &'a Job<'j>,
    /// Why it failed, in its own words.
    failed: Option<String>,
    /// The last line that is no event, such as one of a library that ends the process.
    last: Option<String>,
    hear: &'a mut dyn FnMut(Told),
}

impl Heard<'_, '_> {
    fn listen(&mut self, stderr: impl Read) -> std::io::Result<()> {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            match Told::of_line(text.trim_end()) {
                Told::Warning(text) => self.job.warn(format!("[{}] {text}", self.name)),
                Told::Failed(text) => self.failed = Some(text),
                Told::Other(text) if text.is_empty() => {}
                Told::Other(text) => {
                    self.job.warn(format!("[{}] {text}", self.name));
                    self.last = Some(text);
                }
                told => (self.hear)(told),
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::observer::{Event, Observer};
    use crate::predict::files::Part;
    use std::sync::Mutex;
    use std::time::Instant;

    #[derive(Default)]
    struct Warnings(Mutex<Vec<String>>);

    impl Observer for Warnings {
        fn event(&self, event: Event<'_>) {
            if let Event::Warning(text) = event {
                self.0.lock().unwrap().push(text.to_owned());
            }
        }
    }

    /// A shell that runs a script in the place of the program.
    fn shell(script: &'static str) -> Workers {
        let arguments = Box::new(move |_: usize, _: &Task| vec!["-c".to_owned(), script.to_owned()]);
        Workers::new("sh".into(), &["cuda:3".to_owned()], vec![0, 3], arguments)
    }

    fn end(script: &'static str) -> (std::result::Result<(), String>, Vec<String>) {
        let warnings = Warnings::default();
        let job = Job { observer: &warnings, ..Job::default() };
        let task = Task::Predict(Part { index: 1, count: 1 });
        let ended = work(&shell(script), 0, &task, &job, &mut |_| {}).map_err(|error| crate::one_line(&error));
        (ended, warnings.0.into_inner().unwrap())
    }

    #[test]
    fn what_a_process_says_is_passed_on_and_its_failure_is_its_own_message() {
        let (ended, warnings) = end(r#"echo '{"event":"warning","payload":{"text":"a.wav: silent"}}' >&2; exit 3"#);
        assert_eq!((ended, warnings), (Ok(()), vec!["[cuda:3] a.wav: silent".to_owned()]));
        let (ended, _) = end(r#"echo '{"event":"error","payload":{"message":"no such card"}}' >&2; exit 1"#);
        assert_eq!(ended, Err("[cuda:3] no such card".to_owned()));
        let (ended, warnings) = end("echo out of memory >&2; exit 134");
        assert_eq!(ended, Err("[cuda:3] out of memory".to_owned()));
        assert_eq!(warnings, ["[cuda:3] out of memory"]);
        let (ended, _) = end("kill -KILL $$");
        assert!(ended.unwrap_err().contains("its process ended: signal: 9"));
    }

    #[test]
    fn its_standard_input_ends_where_a_stop_is_asked_for() {
        let (cancel, began) = (CancelToken::default(), Instant::now());
        let job = Job { cancel: cancel.clone(), ..Job::default() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                cancel.cancel();
            });
            let ended = work(&shell("cat >/dev/null; exit 130"), 0, &Task::Size(0), &job, &mut |_| {});
            assert!(matches!(ended, Err(crate::Error::Cancelled { .. })));
        });
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
