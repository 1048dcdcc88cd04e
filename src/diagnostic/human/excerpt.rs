//! The few lines of a source that a diagnostic is about, cut out by its line index: the cost does not grow with the
//! file, and a line of many megabytes is shown by a window of it.

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::diagnostic::Label;
use crate::source::Source;

/// Lines shown before and after a label's.
const CONTEXT: usize = 1;
/// Octets shown of a line.
const WIDEST: usize = 300;
/// Octets shown before the first label of a line that is longer.
const LEAD: usize = 60;
/// A label over more lines marks its first line alone.
const TALLEST: usize = 8;

/// One line as it is shown, in the excerpt's own text.
struct Line {
    /// 0-based, in the file.
    number: usize,
    /// Where it starts in the excerpt's text.
    start: usize,
    /// What it shows of the file.
    shown: std::ops::Range<usize>,
    /// 0-based column, in characters, of the first octet shown.
    column: usize,
    /// Octets put before what is shown, as a sign that something is left out.
    lead: usize,
}

/// Lines cut out of a file, and the labels with offsets into them.
pub(super) struct Excerpt {
    name: String,
    text: String,
    lines: Vec<Line>,
    pub(super) labels: Vec<LabeledSpan>,
}

impl Excerpt {
    /// The labels are numbered as in their diagnostic: number 0 is the primary one.
    pub(super) fn new(source: &Source, labels: &[(usize, &Label)]) -> Excerpt {
        let ranges: Vec<std::ops::Range<usize>> = labels.iter().map(|(_, l)| clip(source, l)).collect();
        let mut numbers: Vec<usize> = Vec::new();
        for range in &ranges {
            let first = line_of(source, range.start);
            let last = line_of(source, range.end.max(range.start));
            let end = (last + CONTEXT + 1).min(source.line_count());
            numbers.extend(first.saturating_sub(CONTEXT)..end);
        }
        numbers.sort_unstable();
        numbers.dedup();

        let name = super::clean(&source.name);
        let mut excerpt = Excerpt { name, text: String::new(), lines: Vec::new(), labels: Vec::new() };
        for number in numbers {
            let first = ranges.iter().map(|r| r.start).filter(|&at| line_of(source, at) == number).min();
            excerpt.push(source, number, first);
        }
        for ((number, label), range) in labels.iter().zip(ranges) {
            let start = excerpt.offset(source, range.start);
            let length = excerpt.offset(source, range.end).saturating_sub(start);
            let text = (!label.text.is_empty()).then(|| super::clean(&label.text));
            excerpt.labels.push(match number {
                0 => LabeledSpan::new_primary_with_span(text, (start, length)),
                _ => LabeledSpan::new(text, start, length),
            });
        }
        excerpt
    }

    fn push(&mut self, source: &Source, number: usize, first_label: Option<usize>) {
        let range = source.line_range(number);
        let whole = source.text().get(range.clone()).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let mut start = 0;
        let mut end = whole.len();
        if whole.len() > WIDEST {
            let label = first_label.map_or(0, |at| at - range.start);
            start = whole.floor_char_boundary(label.saturating_sub(LEAD));
            end = whole.floor_char_boundary((start + WIDEST).min(whole.len()));
        }
        let lead = if start > 0 { "…" } else { "" };
        self.lines.push(Line {
            number,
            start: self.text.len(),
            shown: range.start + start..range.start + end,
            column: whole[..start].chars().count(),
            lead: lead.len(),
        });
        self.text.push_str(lead);
        self.text.extend(whole[start..end].chars().map(harmless));
        if end < whole.len() {
            self.text.push('…');
        }
        if whole.is_empty() && number + 1 == source.line_count() {
            if first_label.is_none() {
                self.lines.pop();
                return;
            }
            // miette drops an empty last line, and with it the label.
            self.text.push(' ');
        }
        self.text.push('\n');
    }

    /// A place of the file in the excerpt's text.
    fn offset(&self, source: &Source, at: usize) -> usize {
        let number = line_of(source, at);
        let Some(line) = self.lines.iter().find(|l| l.number == number) else { return self.text.len() };
        line.start + line.lead + at.clamp(line.shown.start, line.shown.end) - line.shown.start
    }

    fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|l| l.start <= offset).saturating_sub(1)
    }

    fn end_of(&self, line: usize) -> usize {
        self.lines.get(line + 1).map_or(self.text.len(), |l| l.start)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let first = self.line_at(span.offset());
        let last = self.line_at(span.offset() + span.len());
        let follows = |line: usize| self.lines[line].number == self.lines[line - 1].number + 1;
        if !(first + 1..=last).all(follows) {
            // Lines between were left out: these are two excerpts.
            return Err(MietteError::OutOfBounds);
        }
        let mut from = first;
        while from > 0 && from + before > first && follows(from) {
            from -= 1;
        }
        let mut to = last;
        while to + 1 < self.lines.len() && to < last + after && follows(to + 1) {
            to += 1;
        }
        let whole = before + after > 0;
        let range = if whole {
            self.lines[from].start..self.end_of(to)
        } else {
            span.offset()..(span.offset() + span.len()).min(self.text.len())
        };
        let line = &self.lines[from];
        let column = if whole {
            0
        } else {
            let shown = self.text.get(line.start + line.lead..range.start).unwrap_or_default();
            line.column + shown.chars().count()
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[range.clone()],
            (range.start, range.len()).into(),
            line.number,
            column,
            self.lines[to].number + 1 - line.number,
        )))
    }
}

/// What a label marks: in the file, and not over too many lines.
fn clip(source: &Source, label: &Label) -> std::ops::Range<usize> {
    let length = source.text().len();
    let start = (label.span.start as usize).min(length);
    let end = (label.span.end as usize).clamp(start, length);
    let line = line_of(source, start);
    if line_of(source, end) >= line + TALLEST {
        let first = source.line_range(line);
        let text = source.text().get(first.clone()).unwrap_or_default().trim_end();
        return start..(first.start + text.len()).max(start);
    }
    start..end
}

fn line_of(source: &Source, offset: usize) -> usize {
    source.line_of(offset)
}

/// The same number of octets, without what a terminal would obey.
fn harmless(c: char) -> char {
    match c {
        '\t' => '\t',
        c if c.is_control() && c.len_utf8() == 1 => '?',
        // C1 controls take two octets.
        c if c.is_control() => '¿',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}
