//! One parser and one hostile input: what it says, and how much memory it took.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = fuzz::targets().into_iter().find(|target| target.name == "wav").ok_or("no such target")?;
    // A header that promises four gigabytes of samples, and no samples.
    let mut input =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0".to_vec();
    input.extend(b"data\xff\xff\xff\xff");
    let measured = fuzz::measure(|| (target.run)(&input));
    assert!(measured.result.is_some(), "the parser panicked");
    assert!(measured.peak <= target.memory.bound(input.len()), "{} bytes of memory", measured.peak);
    fuzz::remove_scratch();
    Ok(())
}
