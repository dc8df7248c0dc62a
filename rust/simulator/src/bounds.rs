//! What no scheduler can beat: the limits that completion times are measured against. All times in seconds.

/// The least time until everybody has `bytes`, if data were a fluid (Kumar and Ross 2006): the origin must send all of
/// it once, the slowest receiver must take all of it, and all uploads together must carry a copy for each.
pub fn fluid(bytes: u64, origin_up: u64, least_down: u64, peers_up: &[u64]) -> f64 {
    let total = sum(origin_up, peers_up);
    let copies = bytes as f64 * peers_up.len() as f64;
    seconds(bytes as f64, origin_up)
        .max(seconds(bytes as f64, least_down))
        .max(seconds(copies, total))
}

/// All uplinks together; who has no limit has the largest number there is.
fn sum(origin_up: u64, peers_up: &[u64]) -> u64 {
    let add = |total: u64, up: &u64| total.saturating_add(*up);
    peers_up.iter().fold(origin_up, add)
}

/// The least time with pieces that can be passed on only whole, equal uplinks and one origin (Mundinger, Weber and
/// Weiss 2008): `pieces` + floor(log2 `peers`) times the time of one piece.
pub fn pieces(pieces: u32, piece_length: u32, peers: u32, up: u64) -> f64 {
    let rounds = f64::from(pieces) + f64::from(peers.max(1).ilog2());
    rounds * seconds(f64::from(piece_length), up)
}

/// The least time for a site of `peers_up` behind a link: the fluid limit with the link as the origin, and then the
/// time in which the last piece spreads among the site's peers.
pub fn site(bytes: u64, piece_length: u32, link: u64, least_down: u64, peers_up: &[u64]) -> f64 {
    let Some(fastest) = peers_up.iter().max() else {
        return 0.0;
    };
    let spread = f64::from(peers_up.len().ilog2()) * seconds(f64::from(piece_length), *fastest);
    fluid(bytes, link, least_down, peers_up) + spread
}

/// What free riders cost: everybody's fluid time, and the contributors' if these were served first.
pub fn free_riders(bytes: u64, origin_up: u64, contributors_up: &[u64], riders: usize) -> Riders {
    let total = sum(origin_up, contributors_up);
    let everybody = (contributors_up.len() + riders) as f64;
    let time =
        |peers: f64| seconds(bytes as f64, origin_up).max(seconds(bytes as f64 * peers, total));
    Riders {
        everybody: time(everybody),
        contributors_first: time(contributors_up.len() as f64),
    }
}

/// See [`free_riders`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Riders {
    /// Until the last free rider is done.
    pub everybody: f64,
    /// Until the last contributor is done, at best.
    pub contributors_first: f64,
}

fn seconds(bytes: f64, rate: u64) -> f64 {
    if rate == 0 {
        return f64::INFINITY;
    }
    bytes / rate as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uplinks_without_a_limit_do_not_overflow() {
        let none = [u64::MAX; 2];
        assert!(fluid(1_000, 10, 10, &none) >= 100.0);
        assert!(free_riders(1_000, 10, &none, 1).everybody >= 100.0);
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn each_term_of_the_fluid_limit_can_rule() {
        assert!(close(fluid(1_000, 10, 100, &[1_000; 5]), 100.0), "origin");
        assert!(close(fluid(1_000, 100, 5, &[1_000; 5]), 200.0), "downlink");
        assert!(
            close(fluid(1_000, 100, 100, &[0; 5]), 50.0),
            "sum of uploads"
        );
    }

    /// Scenario S6 of the design: 300 peers of mean upload 1, an origin of 4, 256 pieces: 252.6 piece times.
    #[test]
    fn the_fluid_limit_agrees_with_the_design_page() {
        let ups = [1, 2, 4, 9].map(|quarter| vec![quarter; 75]).concat();
        let bound = fluid(256 * 4, 16, 1_000, &ups);
        assert!((bound - 252.6).abs() < 0.1, "{bound}");
    }

    #[test]
    fn whole_pieces_cost_a_logarithm() {
        assert!(close(pieces(256, 1_000, 1_000, 1_000), 265.0));
        assert!(close(pieces(64, 1_000, 8, 1_000), 67.0));
        assert!(close(pieces(64, 1_000, 1, 1_000), 64.0));
    }

    /// Scenario S13: 100 peers behind a link of one upload: 262 piece times.
    #[test]
    fn a_site_waits_for_its_link() {
        assert!(close(site(256, 1, 1, 4, &[1; 100]), 262.0));
        assert!(close(site(256, 1, 1, 4, &[]), 0.0));
    }

    /// Scenario S7: 300 peers of which 90 give nothing, an origin of 4: 359 piece times.
    #[test]
    fn free_riders_slow_everybody_and_not_those_served_first() {
        let riders = free_riders(256, 4, &[1; 210], 90);
        assert!((riders.everybody - 358.9).abs() < 0.1, "{riders:?}");
        assert!(
            (riders.contributors_first - 251.2).abs() < 0.1,
            "{riders:?}"
        );
    }
}
