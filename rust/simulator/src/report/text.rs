//! A report as text: a table for people, JSON for programs.

use std::fmt::Write;

use super::{Class, Link, Report};

/// One figure as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// So many.
    Count(u64),
    /// Seconds, copies, or a share.
    Number(f64),
}

impl Report {
    /// One figure to a line.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.figures() {
            let _ = writeln!(text, "{name:<18} {}", value.text());
        }
        for class in &self.classes {
            let _ = writeln!(
                text,
                "{:<18} {}/{} done, first {:.2} s, mean {:.2} s, last {:.2} s, gave {:.2} copies each",
                class.name,
                class.finished,
                class.count,
                class.first,
                class.mean,
                class.last,
                class.given
            );
        }
        text
    }

    /// One object; numbers as they are, classes as an array of objects.
    pub fn to_json(&self) -> String {
        let mut fields: Vec<String> = self
            .figures()
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{}", value.text()))
            .collect();
        // As text: a number of this size does not survive every reader.
        fields.push(format!("\"trace\":\"{:016x}\"", self.trace));
        let classes: Vec<String> = self.classes.iter().map(class_json).collect();
        fields.push(format!("\"classes\":[{}]", classes.join(",")));
        let links: Vec<String> = self.links.iter().map(link_json).collect();
        fields.push(format!("\"links\":[{}]", links.join(",")));
        format!("{{{}}}", fields.join(","))
    }

    /// Every figure but the trace, with its name.
    pub fn figures(&self) -> Vec<(&'static str, Figure)> {
        use Figure::{Count, Number};
        let of = |count: usize| Count(count as u64);
        vec![
            ("seed", Count(self.seed)),
            ("counted", of(self.counted)),
            ("finished", of(self.finished)),
            ("first", Number(self.first)),
            ("p50", Number(self.p50)),
            ("p95", Number(self.p95)),
            ("p99", Number(self.p99)),
            ("mean", Number(self.mean)),
            ("last", Number(self.last)),
            ("fluid_bound", Number(self.fluid_bound)),
            ("piece_bound", Number(self.piece_bound)),
            ("ratio", Number(self.ratio)),
            ("origin_first_copy", Number(self.origin_first_copy)),
            ("first_copy_at", Number(self.first_copy_at)),
            ("origin_total", Number(self.origin_total)),
            ("origin_repeats", Number(self.origin_repeats)),
            ("utilisation", Number(self.utilisation)),
            ("utilisation_wanted", Number(self.utilisation_wanted)),
            ("wasted", Number(self.wasted)),
            ("duplicates", Count(self.duplicates)),
            ("stalls", Count(self.stalls)),
            ("jain", Number(self.jain)),
            ("first_piece_p50", Number(self.first_piece_p50)),
            ("first_piece_p99", Number(self.first_piece_p99)),
            ("control", Count(self.control)),
            ("control_share", Number(self.control_share)),
            ("link_copies", Number(self.link_copies)),
            ("liars_found", of(self.liars_found)),
            ("honest_banned", of(self.honest_banned)),
            ("liars_missed", of(self.liars_missed)),
            ("pieces_failed", Count(self.pieces_failed)),
            ("after_stall", Number(self.after_stall)),
            ("late_rate", Number(self.late_rate)),
            ("blocks", Count(self.blocks)),
            ("events", Count(self.events)),
        ]
    }
}

fn class_json(class: &Class) -> String {
    format!(
        "{{\"name\":{},\"count\":{},\"finished\":{},\"first\":{},\"p50\":{},\"p95\":{},\"mean\":{},\"last\":{},\"given\":{}}}",
        quoted(&class.name),
        class.count,
        class.finished,
        number(class.first),
        number(class.p50),
        number(class.p95),
        number(class.mean),
        number(class.last),
        number(class.given)
    )
}

fn link_json(link: &Link) -> String {
    let Link { from, to, bytes } = link;
    format!("{{\"from\":{from},\"to\":{to},\"bytes\":{bytes}}}")
}

/// A name as JSON has it: nothing in it ends the text early.
fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    for letter in name.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            letter if letter < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

impl Figure {
    fn text(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Number(value) => number(value),
        }
    }
}

/// JSON has no word for what is not finite.
fn number(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.4}")
    } else {
        "null".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_every_figure_once_and_no_infinity() {
        let report = Report {
            ratio: f64::INFINITY,
            classes: vec![Class {
                name: "peer".into(),
                count: 2,
                finished: 1,
                first: 1.0,
                p50: 1.0,
                p95: 2.0,
                mean: 1.5,
                last: 2.0,
                given: 0.5,
            }],
            ..Report::default()
        };
        let json = report.to_json();
        assert!(
            json.starts_with("{\"seed\":0,") && json.ends_with("\"given\":0.5000}],\"links\":[]}")
        );
        assert!(json.contains("\"ratio\":null") && !json.contains("inf"));
        assert_eq!(json.matches("\"last\":").count(), 2);
        assert_eq!(report.table().lines().count(), report.figures().len() + 1);
    }

    #[test]
    fn a_name_stays_one_text() {
        assert_eq!(quoted("far"), "\"far\"");
        assert_eq!(quoted("a\"b\\\n"), "\"a\\\"b\\\\\\u000a\"");
    }
}
