//! A page of sections: what a command found, as sentences first, then figures with their intervals, tables and sounds.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::number::fixed;

/// A page. Everything is text: the template escapes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// Its heading.
    pub title: String,
    /// What there is to know, in plain sentences, the gravest first.
    pub summary: Vec<String>,
    /// What needs attention at once.
    pub warnings: Vec<String>,
    /// The rest, in order.
    pub sections: Vec<Section>,
}

/// One part of a page; what is empty is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Sentences under it.
    pub text: Vec<String>,
    /// Figures between 0 and 1, drawn on a line.
    pub figures: Vec<LineFigure>,
    /// A table.
    pub table: Option<Table>,
    /// Clips to see and hear.
    pub sounds: Vec<SoundCard>,
}

/// A figure between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineFigure {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// What guessing reaches, marked on the line.
    pub chance: f64,
    /// In words.
    pub note: String,
    /// Whether it is a cause for alarm.
    pub alarm: bool,
}

/// A table of text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

/// A clip to see and hear.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundCard {
    /// What is said of it, in a few words.
    pub verdict: String,
    /// More of it.
    pub note: String,
    /// Which clip.
    pub path: String,
    /// A picture (PNG); empty for none.
    pub png: Vec<u8>,
    /// The sound (WAV); empty for none.
    pub wav: Vec<u8>,
}

/// Fills in the page: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Page`](crate::Error::Page) when it cannot be put together.
pub fn render_findings(findings: &Findings) -> Result<String> {
    let page = Page {
        title: &findings.title,
        summary: &findings.summary,
        warnings: &findings.warnings,
        sections: findings.sections.iter().enumerate().map(view).collect(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "findings.html")]
struct Page<'a> {
    title: &'a str,
    summary: &'a [String],
    warnings: &'a [String],
    sections: Vec<View<'a>>,
}

struct View<'a> {
    id: String,
    title: &'a str,
    text: &'a [String],
    figures: Vec<Line<'a>>,
    table: Option<&'a Table>,
    sounds: Vec<Card<'a>>,
}

struct Line<'a> {
    name: &'a str,
    note: &'a str,
    alarm: bool,
    value: String,
    interval: String,
    chance: String,
    bar: Bar,
}

/// Places on a line from 0 to 1, as `bar.html` has them.
struct Bar {
    low: String,
    high: String,
    at: String,
}

struct Card<'a> {
    verdict: &'a str,
    note: &'a str,
    path: &'a str,
    png: String,
    wav: String,
}

fn view((i, section): (usize, &Section)) -> View<'_> {
    View {
        id: format!("section-{}", i + 1),
        title: &section.title,
        text: &section.text,
        figures: section.figures.iter().map(line).collect(),
        table: section.table.as_ref().filter(|table| !table.rows.is_empty()),
        sounds: section.sounds.iter().map(card).collect(),
    }
}

fn line(figure: &LineFigure) -> Line<'_> {
    let place = |x: f64| fixed(if x.is_finite() { x.clamp(0.0, 1.0) } else { 0.0 }, 4);
    let [low, high] = figure.interval;
    Line {
        name: &figure.name,
        note: &figure.note,
        alarm: figure.alarm,
        value: fixed(figure.value, 3),
        interval: format!("{} to {}", fixed(low, 3), fixed(high, 3)),
        chance: place(figure.chance),
        bar: Bar { low: place(low), high: place(high), at: place(figure.value) },
    }
}

fn card(sound: &SoundCard) -> Card<'_> {
    let uri = |kind: &str, bytes: &[u8]| match bytes {
        [] => String::new(),
        bytes => format!("data:{kind};base64,{}", STANDARD.encode(bytes)),
    };
    Card {
        verdict: &sound.verdict,
        note: &sound.note,
        path: &sound.path,
        png: uri("image/png", &sound.png),
        wav: uri("audio/wav", &sound.wav),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_places_stay_on_the_line() {
        let nasty = "<script>alert('x')</script>".to_owned();
        let figure =
            LineFigure { name: nasty.clone(), value: 0.9, interval: [-0.1, 1.2], chance: 0.5, ..LineFigure::default() };
        let table = Table { caption: nasty.clone(), columns: vec![nasty.clone()], rows: vec![vec![nasty.clone()]] };
        let sound = SoundCard { path: nasty.clone(), wav: b"RIFF".to_vec(), ..SoundCard::default() };
        let section = Section {
            title: nasty.clone(),
            text: vec![nasty.clone()],
            figures: vec![figure],
            table: Some(table),
            sounds: vec![sound],
        };
        let page = Findings {
            title: nasty.clone(),
            summary: vec![nasty.clone()],
            warnings: vec![nasty],
            sections: vec![section],
        };
        let html = render_findings(&page).unwrap();
        assert!(!html.contains("<script>"));
        assert!(html.contains("--low:0.0000;--high:1.0000;--at:0.9000"), "{html}");
        assert!(html.contains("data:audio/wav;base64,UklGRg=="));
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let html = render_findings(&Findings { title: "nothing".into(), ..Findings::default() }).unwrap();
        assert!(!html.contains("<table") && !html.contains("<audio") && !html.contains("class=\"warnings\""));
    }
}
