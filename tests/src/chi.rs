//! Pearson's χ²: a complaint when counts and expectations disagree.

/// The value that χ² with so many degrees of freedom exceeds with a chance of 1e-4 (Wilson and
/// Hilferty).
#[must_use]
pub fn limit(freedom: f64) -> f64 {
    limit_at(freedom, 3.719)
}

/// The value that χ² exceeds as often as the normal distribution exceeds `quantile`.
#[must_use]
pub fn limit_at(freedom: f64, quantile: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + quantile * part.sqrt()).powi(3)
}

/// χ² of counts, and its degrees of freedom. Bins of which fewer than five are expected are merged.
///
/// # Errors
/// When something was counted that can't be.
pub fn chi_square(observed: &[u32], expected: &[f64]) -> Result<(f64, f64), String> {
    let mut bins: Vec<(f64, f64)> = Vec::new();
    let mut rest = (0.0, 0.0);
    for (at, (seen, due)) in observed.iter().zip(expected).enumerate() {
        let seen = f64::from(*seen);
        if *due <= 0.0 && seen > 0.0 {
            return Err(format!("{at} was seen {seen} times, and never should be"));
        } else if *due < 5.0 {
            rest = (rest.0 + seen, rest.1 + due);
        } else {
            bins.push((seen, *due));
        }
    }
    if rest.1 > 0.0 {
        bins.push(rest);
    }
    let sum = bins.iter().map(|(seen, due)| (seen - due).powi(2) / due).sum();
    let freedom = u32::try_from(bins.len().saturating_sub(1)).unwrap_or(u32::MAX);
    Ok((sum, f64::from(freedom)))
}

/// Insists that counts agree with what was expected; gives χ².
///
/// # Panics
/// When they don't.
pub fn assert_agree(observed: &[u32], expected: &[f64], what: &str) -> f64 {
    let (sum, freedom) =
        chi_square(observed, expected).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let limit = if freedom > 0.0 { limit(freedom) } else { 1e-9 };
    assert!(sum < limit, "{what}: χ² is {sum} with {freedom} degrees of freedom");
    sum
}

#[cfg(test)]
mod tests {
    use super::{assert_agree, chi_square, limit};

    #[test]
    fn the_limit_is_near_the_tables() {
        // χ² with 10 degrees of freedom: 35.564 at 1e-4.
        assert!((limit(10.0) - 35.564).abs() < 0.5);
    }

    #[test]
    fn fair_dice_pass_and_loaded_ones_do_not() {
        assert!(assert_agree(&[98, 105, 97], &[100.0; 3], "dice") < 1.0);
        let (sum, freedom) = chi_square(&[200, 50, 50], &[100.0; 3]).unwrap();
        assert!(sum > limit(freedom));
        assert!(chi_square(&[1], &[0.0]).is_err());
    }
}
