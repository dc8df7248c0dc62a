//! What the origin may have to send, in any flash crowd (G3 and G4).

use super::Mark;

pub(super) const FIRST_COPY: Mark = Mark::at_most("copies to the first copy", 1.02, |outcome| {
    let report = &outcome.report;
    if report.first_copy_at > 0.0 {
        report.origin_first_copy
    } else {
        f64::INFINITY
    }
});
pub(super) const IN_ALL: Mark =
    Mark::at_most("copies in all", 1.10, |outcome| outcome.report.origin_total);
