//! Great-circle distances between coordinates.

use edge_zone::geo::Coordinates;

/// A place on the globe, as the unit vector from its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot([f64; 3]);

/// Farther than any two places are, in radians: the distance of a server whose place isn't known.
pub(super) const UNKNOWN: f64 = std::f64::consts::TAU;

impl Spot {
    pub(super) fn new((latitude, longitude): Coordinates) -> Self {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let radius = latitude.cos();
        Self([radius * longitude.cos(), radius * longitude.sin(), latitude.sin()])
    }

    /// The great-circle distance in radians.
    pub(super) fn distance(self, to: Self) -> f64 {
        let ([a, b, c], [x, y, z]) = (self.0, to.0);
        let cross = [b * z - c * y, c * x - a * z, a * y - b * x];
        let sine = cross.iter().map(|part| part * part).sum::<f64>().sqrt();
        // Exact for near and for opposite places, where the arc cosine of the product isn't.
        sine.atan2(a * x + b * y + c * z)
    }
}

#[cfg(test)]
mod tests {
    use super::Spot;

    #[test]
    fn distances_are_those_of_the_globe() {
        let degrees = |one, other| Spot::new(one).distance(Spot::new(other)).to_degrees();
        assert!((degrees((0.0, 0.0), (0.0, 90.0)) - 90.0).abs() < 1e-9);
        assert!((degrees((90.0, 0.0), (-90.0, 77.0)) - 180.0).abs() < 1e-9);
        assert!((degrees((52.5, 13.4), (48.9, 2.4)) - 7.88).abs() < 0.1);
        assert!(degrees((52.5, 13.4), (52.5, 13.4)) < 1e-9);
    }
}
