//! A report as text: a table for people, JSON for programs.

use std::fmt::Write;

use super::{Class, Report};

impl Report {
    /// One figure to a line.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.figures() {
            let _ = writeln!(text, "{name:<18} {value}");
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
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        // As text: a number of this size does not survive every reader.
        fields.push(format!("\"trace\":\"{:016x}\"", self.trace));
        let classes: Vec<String> = self.classes.iter().map(class_json).collect();
        fields.push(format!("\"classes\":[{}]", classes.join(",")));
        format!("{{{}}}", fields.join(","))
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        vec![
            ("seed", self.seed.to_string()),
            ("counted", self.counted.to_string()),
            ("finished", self.finished.to_string()),
            ("first", number(self.first)),
            ("p50", number(self.p50)),
            ("p95", number(self.p95)),
            ("p99", number(self.p99)),
            ("mean", number(self.mean)),
            ("last", number(self.last)),
            ("fluid_bound", number(self.fluid_bound)),
            ("piece_bound", number(self.piece_bound)),
            ("ratio", number(self.ratio)),
            ("origin_first_copy", number(self.origin_first_copy)),
            ("first_copy_at", number(self.first_copy_at)),
            ("origin_total", number(self.origin_total)),
            ("origin_repeats", number(self.origin_repeats)),
            ("utilisation", number(self.utilisation)),
            ("wasted", number(self.wasted)),
            ("duplicates", self.duplicates.to_string()),
            ("stalls", self.stalls.to_string()),
            ("jain", number(self.jain)),
            ("first_piece_p50", number(self.first_piece_p50)),
            ("first_piece_p99", number(self.first_piece_p99)),
            ("control", self.control.to_string()),
            ("control_share", number(self.control_share)),
            ("link_copies", number(self.link_copies)),
            ("liars_found", self.liars_found.to_string()),
            ("honest_banned", self.honest_banned.to_string()),
            ("pieces_failed", self.pieces_failed.to_string()),
            ("after_stall", number(self.after_stall)),
            ("late_rate", number(self.late_rate)),
            ("events", self.events.to_string()),
        ]
    }
}

fn class_json(class: &Class) -> String {
    format!(
        "{{\"name\":\"{}\",\"count\":{},\"finished\":{},\"first\":{},\"mean\":{},\"last\":{},\"given\":{}}}",
        class.name,
        class.count,
        class.finished,
        number(class.first),
        number(class.mean),
        number(class.last),
        number(class.given)
    )
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
                name: "peer",
                count: 2,
                finished: 1,
                first: 1.0,
                mean: 1.5,
                last: 2.0,
                given: 0.5,
            }],
            ..Report::default()
        };
        let json = report.to_json();
        assert!(json.starts_with("{\"seed\":0,") && json.ends_with("\"given\":0.5000}]}"));
        assert!(json.contains("\"ratio\":null") && !json.contains("inf"));
        assert_eq!(json.matches("\"last\":").count(), 2);
        assert_eq!(report.table().lines().count(), report.figures().len() + 1);
    }
}
