//! How far people see, by how many they are.

/// From how many people on less is shown. Each bound has a lower twin for the way back, so that
/// a room at the bound does not flicker between two views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowding {
    /// Up to this many, everyone sees everyone.
    pub whole_max: usize,
    /// Up to this many, people see two cells around their own.
    pub wide_max: usize,
    /// Up to this many, one cell around their own; above, only their own.
    pub near_max: usize,
    /// How many people of one cell are shown.
    pub shown_per_cell_max: usize,
    /// How many moves of one cell are told at once; the others follow in turn.
    pub moves_per_cell_max: usize,
}

impl Default for Crowding {
    fn default() -> Self {
        Self {
            whole_max: 64,
            wide_max: 250,
            near_max: 2_000,
            shown_per_cell_max: 200,
            moves_per_cell_max: 64,
        }
    }
}

/// How far people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Whole,
    Wide,
    Near,
    OwnCell,
}

impl Reach {
    /// Cells seen in each direction.
    pub(super) fn cells(self) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::Wide => 2,
            Self::Near => 1,
            Self::OwnCell => 0,
        }
    }
}

impl Crowding {
    /// How far `population` people see who saw as far as `current` until now.
    pub(super) fn reach(&self, population: usize, current: Reach) -> Reach {
        let plain = |population: usize| match population {
            n if n <= self.whole_max => Reach::Whole,
            n if n <= self.wide_max => Reach::Wide,
            n if n <= self.near_max => Reach::Near,
            _ => Reach::OwnCell,
        };
        let wanted = plain(population);
        if wanted.cells() > current.cells() {
            // A quarter below the bound before more is shown again.
            let cautious = plain(population.saturating_add(population / 3));
            if cautious.cells() > current.cells() { cautious } else { current }
        } else {
            wanted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_at_a_bound_keeps_its_view() {
        let crowding = Crowding::default();
        assert_eq!(crowding.reach(64, Reach::Whole), Reach::Whole);
        assert_eq!(crowding.reach(65, Reach::Whole), Reach::Wide);
        assert_eq!(crowding.reach(64, Reach::Wide), Reach::Wide);
        assert_eq!(crowding.reach(48, Reach::Wide), Reach::Whole);
        assert_eq!(crowding.reach(10_000, Reach::Whole), Reach::OwnCell);
        assert_eq!(crowding.reach(0, Reach::OwnCell), Reach::Whole);
    }
}
