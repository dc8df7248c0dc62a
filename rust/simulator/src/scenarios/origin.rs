//! What the origin may have to send, in any flash crowd (G3 and G4).

use super::Mark;

pub(super) const FIRST_COPY: Mark = Mark::at_most("copies to the first copy", 1.02, |outcome| {
    outcome.report.origin_first_copy
});
pub(super) const IN_ALL: Mark =
    Mark::at_most("copies in all", 1.10, |outcome| outcome.report.origin_total);
