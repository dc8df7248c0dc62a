//! Figures about many values.

/// The value below which so many per cent of the values lie (nearest rank); 0 of none.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let mut rank = 1;
    while rank < sorted.len() && (rank as f64) < sorted.len() as f64 * percent / 100.0 {
        rank += 1;
    }
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// The mean; 0 of none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}

/// Jain's index: 1 where all values are equal, 1/n where one has everything.
pub(crate) fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    if squares <= 0.0 {
        return 1.0;
    }
    sum * sum / (values.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-12
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!(is(percentile(&values, 50.0), 50.0));
        assert!(is(percentile(&values, 99.0), 99.0));
        assert!(is(percentile(&values, 100.0), 100.0));
        assert!(is(percentile(&values[..3], 99.0), 3.0));
        assert!(is(percentile(&values[..1], 1.0), 1.0));
        assert!(is(percentile(&[], 50.0), 0.0));
    }

    #[test]
    fn jain_tells_equal_from_unequal() {
        assert!(is(jain(&[3.0; 4]), 1.0));
        assert!(is(jain(&[1.0, 0.0, 0.0, 0.0]), 0.25));
        assert!(is(mean(&[1.0, 2.0]), 1.5) && is(mean(&[]), 0.0));
    }
}
